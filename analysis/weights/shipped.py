"""Checkpoints trained here: ``NAME.safetensors`` with its entry ``NAME.json`` beside it."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import safetensors.torch
from torch import Tensor

from analysis.video.preprocess import Preprocessing
from analysis.weights.card import WeightsCard, WeightsError

SHIPPED_FOLDER = Path(__file__).resolve().parents[2] / "checkpoints"

_REQUIRED = (
    "architecture",
    "tag",
    "training",
    "data",
    "labels",
    "num_frames",
    "image_size",
    "scan_order",
    "readout",
    "licence",
    "reported_accuracy",
    "accuracy_note",
    "run",
)
_OPTIONAL = (
    "family",
    "overrides",
    "note",
    "word_pieces",
    "preprocessing",
    "sampling",
    "sha256",
)


def shipped_cards(folder: Path = SHIPPED_FOLDER) -> tuple[WeightsCard, ...]:
    """A card per entry in ``folder``, by name; raises WeightsError for a faulty entry."""
    return tuple(read_card(path) for path in sorted(folder.glob("*.json")))


def ship_checkpoint(
    state: Mapping[str, Tensor], entry: Mapping[str, Any], folder: Path = SHIPPED_FOLDER
) -> WeightsCard:
    """Write tensors and entry into ``folder`` and return the card they make.

    ``entry`` holds the fields of a WeightsCard that are not derived (``name``, ``file`` and
    ``sha256`` are), with ``preprocessing`` as a dict without ``image_size``, and ``run``: how to
    make the file again, with at least ``command`` and ``seed``. The file's hash is stored, so
    that a file that was exchanged later is noticed. Each file is replaced atomically, the tensors
    first. Raises WeightsError when the entry is incomplete.
    """
    tensors = {key: value.detach().cpu().contiguous() for key, value in state.items()}
    content = safetensors.torch.save(tensors)
    complete = {**entry, "sha256": hashlib.sha256(content).hexdigest()}
    card = _card(complete, "The entry")
    folder.mkdir(parents=True, exist_ok=True)
    replace_file(folder / f"{card.name}.safetensors", content)
    replace_file(folder / f"{card.name}.json", _readable_json(complete).encode())
    return card


def _readable_json(entry: Mapping[str, Any]) -> str:
    """Indented, but rows of numbers on one line."""
    text = json.dumps(entry, indent=2)
    rows = re.compile(r"\[\s+((?:[-+.\de]+,\s+)*[-+.\de]+)\s+\]")
    return rows.sub(lambda row: "[" + " ".join(row[1].split()) + "]", text) + "\n"


def read_card(path: Path) -> WeightsCard:
    """The card of an entry; raises WeightsError for a file that is none."""
    try:
        status = path.stat()
        return _card_at(path, status.st_mtime_ns, status.st_size)
    except (OSError, ValueError) as error:
        raise WeightsError(f"{path.name} is not a readable checkpoint entry ({error}).") from error


@lru_cache(maxsize=256)
def _card_at(path: Path, modified_ns: int, size: int) -> WeightsCard:
    """Cards are asked for many times a request; the time and size notice a changed entry."""
    return _card(json.loads(path.read_text(encoding="utf-8")), path.name)


def _card(entry: Mapping[str, Any], source: str) -> WeightsCard:
    _check(entry, source)
    name = f"{entry['architecture']}.{entry['tag']}"
    # Models without time have no frames, those without classes no read-out.
    named = ("num_frames", "image_size", "readout")
    sizes = {key: entry[key] for key in named if entry[key] is not None}
    derived = {
        "name": name,
        "file": f"{name}.safetensors",
        "overrides": {**entry.get("overrides", {}), **sizes},
        "word_pieces": tuple(entry.get("word_pieces", ())),
        "preprocessing": _preprocessing(entry, source),
    }
    facts = {key: value for key, value in entry.items() if key != "run"}
    return WeightsCard(**{"family": "videomamba", **facts, **derived})


def _preprocessing(entry: Mapping[str, Any], source: str) -> Preprocessing:
    stated = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in entry.get("preprocessing", {}).items()
    }
    try:
        return Preprocessing(entry["image_size"], **stated)
    except (TypeError, ValueError) as error:
        raise WeightsError(f"{source} has unknown preprocessing ({error}).") from error


def _check(entry: object, source: str) -> None:
    if not isinstance(entry, Mapping):
        raise WeightsError(f"{source} should be a JSON object with the facts about a checkpoint.")
    if absent := [key for key in _REQUIRED if key not in entry]:
        raise WeightsError(f"{source} lacks {', '.join(absent)}.")
    if unknown := [key for key in entry if key not in _REQUIRED + _OPTIONAL]:
        raise WeightsError(f"{source} has unknown fields: {', '.join(unknown)}.")
    if entry["training"] not in ("trained", "toy"):
        raise WeightsError(f"{source} says training is {entry['training']!r}; say trained or toy.")
    if not isinstance(entry["run"], Mapping) or not {"command", "seed"} <= set(entry["run"]):
        raise WeightsError(f"{source} must say in run with which command and seed it was made.")


def replace_file(path: Path, content: bytes) -> None:
    """Write `content` in place of what was there, in one step."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_bytes(content)
    os.replace(temporary, path)
