"""Everything the environment may change about the app, read once, in one place."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

_CACHE_HOME = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


class SettingsError(ValueError):
    """An environment variable holds something the app cannot use."""


@dataclass(frozen=True)
class Settings:
    """How one running app behaves. Defaults suit a laptop with two cores."""

    host: str = "127.0.0.1"
    port: int = 7860
    cache_folder: Path = _CACHE_HOME / "scanscope"
    """Results and uploads."""
    default_model: str = "videomamba_mini.camera"
    """Weights that speak first; the first shipped weights when this name is not registered."""
    kept_model_bytes: int = 1024**3
    """Parameters of loaded models held in memory; the one used longest ago leaves first."""
    kept_clips: int = 8
    """Sampled clips held in memory."""
    kept_trace_bytes: int = 512 * 1024**2
    """Traced layers held in memory; the one used longest ago leaves first."""
    kept_results: int = 500
    """Results kept on disk between runs."""
    queue_size: int = 32
    """Waiting requests before newcomers are told to come back later."""
    upload_bytes: int = 512 * 1024**2
    patience_s: float = 1.5
    """Work estimated to take longer than this waits for a click."""
    keep_uploads_s: int = 24 * 3600


def _text(value: str) -> str:
    return value


def _folder(value: str) -> Path:
    return Path(value).expanduser()


def _count(value: str) -> int:
    if int(value) < 1:
        raise ValueError("must be a whole number from 1")
    return int(value)


def _seconds(value: str) -> float:
    if not float(value) >= 0:
        raise ValueError("must be a number of seconds from 0")
    return float(value)


_READERS: dict[str, Callable[[str], object]] = {
    "host": _text,
    "port": _count,
    "cache_folder": _folder,
    "default_model": _text,
    "kept_model_bytes": _count,
    "kept_clips": _count,
    "kept_trace_bytes": _count,
    "kept_results": _count,
    "queue_size": _count,
    "upload_bytes": _count,
    "patience_s": _seconds,
    "keep_uploads_s": _count,
}


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """Settings from variables named SCANSCOPE_HOST, SCANSCOPE_PORT, and so on (field in capitals).

    Raises SettingsError, one sentence, for a value that cannot be used.
    """
    given = {}
    for name, read in _READERS.items():
        variable = f"SCANSCOPE_{name.upper()}"
        value = environment.get(variable, "").strip()
        if not value:
            continue
        try:
            given[name] = read(value)
        except ValueError as error:
            reason = str(error) if str(error).startswith("must") else "must be a number"
            raise SettingsError(f"{variable} is {value!r}, but {reason}.") from None
    return Settings(**given)
