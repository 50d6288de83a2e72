"""What all tests share: the test data, and a fixture for small tensors."""

import os
from pathlib import Path

import pytest

# Before torch and gradio are imported anywhere. No test may reach outside, and processes of
# `pytest -n` share the cores already: threads of theirs would wait for one another.
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

DATA = Path(__file__).parent / "data"


@pytest.fixture(scope="session")
def golden_folder() -> Path:
    """Reference outputs of the published implementation."""
    return DATA / "golden"


@pytest.fixture(scope="session")
def clips_folder() -> Path:
    """Small real clips, their sources and licences in README.md beside them."""
    return DATA / "clips"


@pytest.fixture(scope="module")
def one_thread():
    """For tensors so small that a second thread only waits."""
    found = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(found)


@pytest.fixture(params=[1, 3], ids=["whole", "in three parts"])
def parts(request, monkeypatch) -> None:
    """Compiled kernels cut every sequence into so many parts, however short it is."""
    monkeypatch.setattr(torch, "get_num_threads", lambda: request.param)
    monkeypatch.setattr("analysis.ops.parallel._WORTH_A_THREAD", 1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that drive a browser take longest: with them first, all processes end together."""
    items.sort(key=lambda item: item.get_closest_marker("browser") is None)
