"""Faithfulness over many clips, as `python -m analysis faithfulness` left it."""

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from analysis.weights.shipped import SHIPPED_FOLDER

League = dict[str, Any]

LEAGUE_FOLDER = SHIPPED_FOLDER / "faithfulness"


def read_league(model: str, folder: Path = LEAGUE_FOLDER) -> League | None:
    """The table of the weights called `model`; None where none was measured, or it cannot be read.

    Its `clips` are only counted, as `clip_count`.
    """
    path = folder / f"{model}.json"
    try:
        return _read(path, path.stat().st_mtime_ns)
    except (OSError, ValueError, KeyError):
        return None


def league_command(model: str) -> str:
    """What measures, or goes on measuring, the table of these weights."""
    return (
        f"python -m analysis faithfulness --model {model} "
        f"--out checkpoints/{LEAGUE_FOLDER.name}/{model}.json"
    )


@lru_cache(maxsize=8)
def _read(path: Path, modified_ns: int) -> League:
    table = json.loads(path.read_text(encoding="utf-8"))
    clips = table.pop("clips")
    return {**table, "clip_count": len(clips)}
