"""Everything the environment may change about the app, read once, in one place."""

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


class SettingsError(ValueError):
    """An environment variable holds something the app cannot use."""


@dataclass(frozen=True)
class Settings:
    """How one running app behaves. Defaults suit a laptop with two cores."""

    host: str = "127.0.0.1"
    port: int = 7860
    cache_folder: Path = Path(tempfile.gettempdir()) / "scanscope"
    default_model: str = "videomamba_mini.camera"
    """Weights that speak first; the first shipped weights when this name is not registered."""
    kept_models: int = 3
    """Loaded models held in memory; the one used longest ago leaves first."""
    kept_clips: int = 8
    """Sampled clips held in memory."""
    kept_results: int = 500
    """Results kept on disk between runs."""
    queue_size: int = 32
    """Waiting requests before newcomers are told to come back later."""
    upload_bytes: int = 512 * 1024**2
    patience_s: float = 1.5
    """Work estimated to take longer than this waits for a click."""
    keep_uploads_s: int = 24 * 3600


_READERS = {
    "host": str,
    "port": int,
    "cache_folder": lambda text: Path(text).expanduser(),
    "default_model": str,
    "kept_models": int,
    "kept_clips": int,
    "kept_results": int,
    "queue_size": int,
    "upload_bytes": int,
    "patience_s": float,
    "keep_uploads_s": int,
}


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """Settings from variables named SCANSCOPE_HOST, SCANSCOPE_PORT, and so on (field in capitals).

    Raises SettingsError when a value cannot be read or a count is below one.
    """
    given = {}
    for field, read in _READERS.items():
        variable = f"SCANSCOPE_{field.upper()}"
        text = environment.get(variable, "").strip()
        if not text:
            continue
        try:
            given[field] = read(text)
        except ValueError:
            raise SettingsError(f"{variable} is {text!r}, which is not a number.") from None
        if isinstance(given[field], int | float) and given[field] < (field != "port"):
            raise SettingsError(f"{variable} is {text}, but it must be at least 1.")
    return Settings(**given)
