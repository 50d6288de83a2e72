"""A Ray cluster to spread work over, where there is one."""

import os
from importlib.util import find_spec
from pathlib import Path

ADDRESS = "RAY_ADDRESS"
"""The environment variable that names a cluster; "local" starts one here."""


class RayMissingError(RuntimeError):
    """A cluster is named but Ray is not installed; the message is one sentence."""


def is_asked_for() -> bool:
    """Whether the environment names a cluster. Raises RayMissingError."""
    if not os.environ.get(ADDRESS):
        return False
    if find_spec("ray") is None:
        raise RayMissingError(
            f"{ADDRESS} is set but Ray is not installed; run pip install ray, or unset it."
        )
    return True


def connect() -> None:
    """Joins the cluster that the environment names; its machines get this package as it is here."""
    import ray

    if not ray.is_initialized():
        ray.init(
            os.environ[ADDRESS],
            runtime_env={"py_modules": [str(Path(__file__).parent)]},
            log_to_driver=False,
            logging_level="error",
        )
