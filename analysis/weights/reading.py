"""Checkpoint files to plain tensors, with nothing in the file allowed to run.

The kind of file is told from its first bytes, not from its name. Pickled checkpoints go through
PyTorch's restricted reader, which builds tensors and plain containers only.
"""

from __future__ import annotations

import argparse
import pickle
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from analysis.weights.card import WeightsError
from analysis.weights.script_archive import is_script_archive, read_script_archive

_LAYOUTS = ("model", "module")
_PREFIXES = ("module.", "backbone.", "encoder.")

# Training scripts of this model family store their command line beside the weights; it is plain
# data, so its class is let through.
_HARMLESS_CLASSES = [argparse.Namespace]


def read_checkpoint(path: str | Path) -> dict[str, Tensor]:
    """The state dict in a safetensors, .pth, .pt or .bin file, on the CPU, by parameter name.

    Of a TorchScript archive, the form in which OpenAI published CLIP, the parameters are read.
    Accepts the bare state dict (published video files) and one stored under ``model`` (published
    image files) or ``module``; the prefixes ``module.``, ``backbone.`` and ``encoder.`` are
    stripped from names. Raises WeightsError, in one sentence, for anything else: a missing,
    empty, truncated or damaged file, a web page saved under a model's name, a pickle that asks
    for more than tensors, a file without tensors.
    """
    path = Path(path)
    head = _first_bytes(path)
    if head.startswith(b"PK\x03\x04"):
        content = _read_pickled(path, zipped=True)
    elif head.startswith(b"\x80"):
        content = _read_pickled(path, zipped=False)
    elif head[8:9] == b"{":
        content = _read_safetensors(path)
    else:
        raise WeightsError(f"{path.name} {_what_it_is_instead(head)}")
    return _strip_prefixes(_find_tensors(content, path.name), path.name)


def _first_bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            head = file.read(512)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise WeightsError(f"{path.name} cannot be read: {reason.lower()}.") from error
    if not head:
        raise WeightsError(f"{path.name} is empty; fetch it again.")
    return head


def _what_it_is_instead(head: bytes) -> str:
    text = head.lstrip().lower()
    if text.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        return "is a web page, not a checkpoint; the link led to a page, so fetch it again."
    if text.startswith(b"version https://git-lfs"):
        return "is a Git LFS pointer, not the checkpoint itself; fetch it with git lfs pull."
    return "is neither a safetensors nor a PyTorch checkpoint; give a file of one of these kinds."


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (SafetensorError, ValueError, KeyError) as error:
        raise _damaged(path, "safetensors") from error


def _read_pickled(path: Path, zipped: bool) -> Any:
    if zipped and not _is_whole_zip(path):
        raise _damaged(path, "PyTorch")
    try:
        if zipped and is_script_archive(path):
            return read_script_archive(path)
        with torch.serialization.safe_globals(_HARMLESS_CLASSES), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # old tensor formats load fine but are announced
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if "nsupported" not in str(error) and "GLOBAL" not in str(error):
            raise _damaged(path, "PyTorch") from error
        raise WeightsError(
            f"{path.name} was refused because it holds more than tensors and could run code when "
            "loaded; save its state dict alone, best as safetensors."
        ) from error
    except Exception as error:  # damaged pickles raise nearly any type
        raise _damaged(path, "PyTorch") from error


def _is_whole_zip(path: Path) -> bool:
    """Whether every checksum in the archive holds; PyTorch does not look at them."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except Exception:  # damaged archives raise nearly any type
        return False


def _damaged(path: Path, kind: str) -> WeightsError:
    return WeightsError(
        f"{path.name} begins like a {kind} checkpoint but is damaged or cut short; fetch it again."
    )


def _find_tensors(content: Any, name: str) -> dict[str, Tensor]:
    if isinstance(content, Mapping):
        for candidate in (*(content.get(layout) for layout in _LAYOUTS), content):
            if _is_state_dict(candidate):
                return dict(candidate)
        found = ", ".join(str(key) for key in list(content)[:5]) or "nothing"
    else:
        found = f"a {type(content).__name__}"
    raise WeightsError(
        f"{name} holds no state dict: expected parameter names with tensors, bare or under "
        f"'model' or 'module', and found {found}."
    )


def _is_state_dict(candidate: Any) -> bool:
    return (
        isinstance(candidate, Mapping)
        and len(candidate) > 0
        and all(isinstance(key, str) for key in candidate)
        and all(isinstance(value, Tensor) for value in candidate.values())
    )


def _strip_prefixes(state: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    stripped: dict[str, Tensor] = {}
    for key, tensor in state.items():
        short = key
        while prefix := next((p for p in _PREFIXES if short.startswith(p)), None):
            short = short.removeprefix(prefix)
        if short in stripped:
            raise WeightsError(
                f"{name} holds {short} twice, under different prefixes; keep one of the models."
            )
        stripped[short] = tensor
    return stripped
