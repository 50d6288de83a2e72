"""The tensors in a TorchScript archive, the form in which OpenAI published CLIP.

Such an archive is a program. Nothing of it is run: its objects are read as plain attributes, and
whatever else than tensors and numbers it asks for is refused.
"""

import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

_PROGRAM = "__torch__"
_STORED = {
    "BFloat16Storage": torch.bfloat16,
    "BoolStorage": torch.bool,
    "ByteStorage": torch.uint8,
    "CharStorage": torch.int8,
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "IntStorage": torch.int32,
    "LongStorage": torch.int64,
    "ShortStorage": torch.int16,
}


class _Object:
    """An object of the program, with the attributes it was stored with."""

    def __setstate__(self, state: Any) -> None:
        self.__dict__.update(state if isinstance(state, dict) else {})


class _Reader(pickle.Unpickler):
    """Gives tensors, numbers, lists and `_Object`s; raises pickle.UnpicklingError for the rest."""

    def __init__(self, archive: zipfile.ZipFile, folder: str):
        super().__init__(archive.open(f"{folder}/data.pkl"))
        self._archive, self._folder = archive, folder
        self._storages: dict[str, Tensor] = {}

    def find_class(self, module: str, name: str) -> Any:
        if module.split(".")[0] == _PROGRAM:
            return _Object
        if module == "torch" and name in _STORED:
            return _STORED[name]
        if module == "torch.jit._pickle":
            return _listed
        known = {
            ("collections", "OrderedDict"): OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): _tensor,
        }
        if (module, name) not in known:
            raise pickle.UnpicklingError(f"Unsupported {module}.{name}")
        return known[module, name]

    def persistent_load(self, saved: tuple) -> Tensor:
        _, dtype, key, *_ = saved
        if key not in self._storages:
            content = bytearray(self._archive.read(f"{self._folder}/data/{key}"))
            empty = torch.empty(0, dtype=dtype)
            self._storages[key] = torch.frombuffer(content, dtype=dtype) if content else empty
        return self._storages[key]


def _listed(values: Any, *_: Any) -> Any:
    """Typed lists and dictionaries of the program are plain ones here."""
    return values


def _tensor(storage: Tensor, offset: int, size: tuple, stride: tuple, *_: Any) -> Tensor:
    return storage.as_strided(size, stride, offset)


def is_script_archive(path: Path) -> bool:
    """Whether a file is an archive that holds a program beside its tensors."""
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith("/constants.pkl") for name in archive.namelist())
    except Exception:  # damaged archives raise nearly any type
        return False


def read_script_archive(path: Path) -> dict[str, Tensor]:
    """Parameters and buffers by name, as the program's own `state_dict` would give them.

    Raises pickle.UnpicklingError for an archive that asks for more than tensors, and nearly any
    type for a damaged one.
    """
    with zipfile.ZipFile(path) as archive:
        entry = next(name for name in archive.namelist() if name.count("/") == 1)
        return dict(_tensors(_Reader(archive, entry.split("/")[0]).load(), ""))


def _tensors(module: _Object, place: str) -> Iterator[tuple[str, Tensor]]:
    for name, value in vars(module).items():
        if isinstance(value, Tensor):
            yield place + name, value
        elif isinstance(value, _Object):
            yield from _tensors(value, f"{place}{name}.")
