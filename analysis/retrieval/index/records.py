"""What an index holds: a row per window of a video, and under which settings it was made."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.retrieval.errors import RetrievalError
from analysis.weights import LoadedModel

if TYPE_CHECKING:
    import pyarrow

# How Lance is told which column no two rows may share; writers that insert the same key at the
# same time are then set right instead of both succeeding.
_PRIMARY_KEY = {"lance-schema:unenforced-primary-key": "true"}
_OF_THE_MODEL = ("model", "scan_order", "weights_hash", "num_frames", "image_size")
_WORDS = {
    "model": "model",
    "scan_order": "scan order",
    "weights_hash": "weights",
    "num_frames": "frames a clip",
    "image_size": "pixels a side",
    "window_s": "window in seconds",
    "stride_s": "stride in seconds",
}


@dataclass(frozen=True)
class IndexSettings:
    """What rows have to agree in to be compared with each other.

    model: name of the weights; weights_hash: of their content, since a file may stand in for them.
    image_size: pixels a side. window_s, stride_s: how videos were cut, in seconds.
    """

    model: str
    scan_order: str
    weights_hash: str
    num_frames: int
    image_size: int
    window_s: float
    stride_s: float

    def row(self) -> dict[str, Any]:
        """As columns."""
        return asdict(self)


@dataclass(frozen=True)
class WindowRecord:
    """One window of a video as it is kept.

    video: path in the library, with forward slashes; content_hash: of the file.
    number, windows: which of the video's windows, from 0, and of how many.
    t0, t1: seconds after the first frame.
    embedding: float32 numbers, the mean of the model's directions of unit length, one per frame.
        Its product with the direction of a text is the model's own similarity.
    thumbnail: the middle frame, WebP.
    width, height, fps, duration_s: of the video.
    """

    video: str
    content_hash: str
    number: int
    windows: int
    t0: float
    t1: float
    embedding: Sequence[float]
    thumbnail: bytes
    width: int
    height: int
    fps: float
    duration_s: float

    @property
    def id(self) -> str:
        """The same whoever computes it, and of no other window."""
        return window_id(self.video, self.content_hash, self.number)


_OWN = fields(WindowRecord)


@dataclass(frozen=True)
class StoredVideo:
    """A video of an index: its place and content, windows that are there, and how many belong."""

    video: str
    content_hash: str
    stored: int
    windows: int

    @property
    def complete(self) -> bool:
        """Whether none is missing."""
        return self.stored == self.windows


def window_id(video: str, content_hash: str, number: int) -> str:
    """What no two rows share: of a place in the library, its content, and a window's number."""
    return hashlib.sha256(f"{content_hash}\n{number}\n{video}".encode()).hexdigest()[:32]


def settings_of(loaded: LoadedModel, window_s: float, stride_s: float) -> IndexSettings:
    """The settings of what a model makes of windows. Raises RetrievalError for lengths of 0."""
    if not (window_s > 0 and stride_s > 0):
        raise RetrievalError(
            f"A window of {window_s:g} s every {stride_s:g} s was asked for; both have to be "
            "above 0."
        )
    return IndexSettings(
        model=loaded.card.name,
        scan_order=loaded.model.scan_order,
        weights_hash=loaded.content_hash,
        num_frames=loaded.config.num_frames,
        image_size=loaded.config.image_size,
        window_s=float(window_s),
        stride_s=float(stride_s),
    )


def differences(kept: IndexSettings, asked: IndexSettings, model_only: bool = False) -> str:
    """What an index was made with and what is asked for, as words; "" where they agree.

    With `model_only` windows may be cut differently.
    """
    names = _OF_THE_MODEL if model_only else tuple(field.name for field in fields(IndexSettings))
    return ", ".join(
        f"{_WORDS[name]} {_shown(kept, name)} instead of {_shown(asked, name)}"
        for name in names
        if getattr(kept, name) != getattr(asked, name)
    )


def schema(width: int) -> pyarrow.Schema:
    """Columns of the table, for embeddings of `width` numbers."""
    import pyarrow as pa

    text, number, seconds = pa.string(), pa.int32(), pa.float64()
    columns = [
        pa.field("id", text, nullable=False, metadata=_PRIMARY_KEY),
        *((name, text) for name in ("video", "content_hash")),
        *((name, number) for name in ("number", "windows")),
        *((name, seconds) for name in ("t0", "t1")),
        ("embedding", pa.list_(pa.float32(), width)),
        ("thumbnail", pa.binary()),
        *((name, number) for name in ("width", "height")),
        *((name, seconds) for name in ("fps", "duration_s")),
        *((name, text) for name in ("model", "scan_order", "weights_hash")),
        *((name, number) for name in ("num_frames", "image_size")),
        *((name, seconds) for name in ("window_s", "stride_s")),
    ]
    return pa.schema(columns)


def as_table(records: Sequence[WindowRecord], settings: IndexSettings, width: int) -> pyarrow.Table:
    """Records as rows to write."""
    import pyarrow as pa

    made_of = {
        "id": [record.id for record in records],
        **{field.name: [getattr(record, field.name) for record in records] for field in _OWN},
        **{name: [value] * len(records) for name, value in settings.row().items()},
    }
    numbers = pa.array(np.asarray(made_of["embedding"], np.float32).ravel())
    made_of["embedding"] = pa.FixedSizeListArray.from_arrays(numbers, width)
    return pa.table(made_of, schema=schema(width))


def _shown(settings: IndexSettings, name: str) -> str:
    value = getattr(settings, name)
    if name == "weights_hash":
        return value[:12]
    return f"{value:g}" if isinstance(value, float) else str(value)
