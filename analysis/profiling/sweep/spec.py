"""What a sweep measures, as a small JSON file that can be sent to another machine."""

import hashlib
import itertools
import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from analysis.models import UnknownModelError
from analysis.nearest_names import nearest
from analysis.profiling.errors import ProfilingError
from analysis.profiling.sweep.point import DTYPES, PASSES, CostPoint, Curve, kernels_of

SPEC_FOLDER = Path(__file__).parent / "specs"
REFERENCE_FOLDER = Path(__file__).parents[1] / "reference"
"""Sweeps that come with the code."""


@dataclass(frozen=True)
class SweepSpec:
    """Models and sizes; the points are all combinations that a model can have.

    models: names of architectures. kernels: of scans and of attention, each used by the models
        that have it ("auto": the fastest scan here). frames, image_sizes, batches: sizes. passes:
        "inference", "training". dtypes: "float32", or autocast to "bfloat16" or "float16".
    repeats: how often the whole sweep is gone through, so that a slow minute of the machine is
        spread over all curves. threads: of the processor; None leaves torch's own number.
    timing_s: how long one point is timed, after warming up. time_cap_s: how long a point may take
        in all, start of its process included. memory_cap_bytes: None for nine tenths of what the
        machine has free.
    """

    models: tuple[str, ...]
    kernels: tuple[str, ...] = ("auto", "softmax", "sdpa")
    frames: tuple[int, ...] = (8,)
    image_sizes: tuple[int, ...] = (224,)
    batches: tuple[int, ...] = (1,)
    passes: tuple[str, ...] = ("inference",)
    dtypes: tuple[str, ...] = ("float32",)
    device: str = "cpu"
    repeats: int = 1
    threads: int | None = None
    timing_s: float = 3.0
    time_cap_s: float = 180.0
    memory_cap_bytes: int | None = None

    def __post_init__(self) -> None:
        for name, known in (("passes", PASSES), ("dtypes", DTYPES)):
            for value in getattr(self, name):
                if value not in known:
                    raise ProfilingError(
                        f"{name} has {value!r}; it may have {' and '.join(known)}."
                    )
        for name in ("frames", "image_sizes", "batches"):
            values = getattr(self, name)
            if not values or any(not _is_count(value) for value in values):
                raise ProfilingError(
                    f"{name} is {list(values)}; it has to be one or more whole numbers above 0."
                )
        if not self.models:
            raise ProfilingError("models is empty; name at least one architecture.")
        if not _is_count(self.repeats):
            raise ProfilingError(f"repeats is {self.repeats!r}; it has to be 1 or more.")
        if self.timing_s <= 0 or self.time_cap_s <= 0:
            raise ProfilingError("timing_s and time_cap_s have to be above 0.")

    @property
    def curves(self) -> tuple[Curve, ...]:
        """Every curve, models outermost. Raises ProfilingError for an unknown model or kernel."""
        found = []
        for model in self.models:
            try:
                known = kernels_of(model)
            except UnknownModelError as error:
                raise ProfilingError(f"T{str(error)[1:]}") from None
            kernels = [kernel for kernel in self.kernels if kernel in known]
            if not kernels:
                raise ProfilingError(
                    f"kernels has none that {model} can run with; add one of {', '.join(known)}."
                )
            found += [
                Curve(model, kernel, pass_, dtype, self.device)
                for kernel, pass_, dtype in itertools.product(kernels, self.passes, self.dtypes)
            ]
        return tuple(found)

    @property
    def ranks(self) -> tuple[tuple[CostPoint, ...], ...]:
        """All points, size by size from the smallest: peers are measured one after another.

        Raises ProfilingError where a model cannot have a size.
        """
        sizes = itertools.product(self.frames, self.image_sizes, self.batches)
        ordered = sorted(sizes, key=lambda size: (size[0] * size[1] ** 2 * size[2], size))
        ranks = tuple(tuple(CostPoint(curve, *size) for curve in self.curves) for size in ordered)
        for point in itertools.chain(*ranks):
            try:
                _ = point.config
            except ValueError as error:
                raise ProfilingError(f"{point.curve.model}: {error}.") from None
        return ranks

    def row(self) -> dict[str, Any]:
        """As JSON; `spec_from_row` reads it."""
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(self).items()
        }

    @property
    def key(self) -> str:
        """A short name of these points, for files."""
        return hashlib.sha256(json.dumps(self.row()).encode()).hexdigest()[:12]


def spec_from_row(row: Any) -> SweepSpec:
    """What `SweepSpec.row` wrote, or a person. Raises ProfilingError with one sentence."""
    if not isinstance(row, dict):
        raise ProfilingError("A sweep is a JSON object with models, frames and image_sizes.")
    known = {field.name: field for field in fields(SweepSpec)}
    for name in row:
        if name not in known:
            raise ProfilingError(f"A sweep has no field {name!r}; {nearest(name, known)}")
    if "models" not in row:
        raise ProfilingError("The sweep names no models; add a list of architectures.")
    lists = {"models", "kernels", "frames", "image_sizes", "batches", "passes", "dtypes"}
    for name in lists & set(row):
        if not isinstance(row[name], list):
            raise ProfilingError(f"{name} has to be a list, got {row[name]!r}.")
    try:
        return SweepSpec(
            **{name: tuple(value) if name in lists else value for name, value in row.items()}
        )
    except TypeError as error:
        raise ProfilingError(f"The sweep cannot be read: {error}.") from None


def read_spec(file: str | Path) -> SweepSpec:
    """A sweep from a JSON file, or a shipped one by its name. Raises ProfilingError."""
    path = Path(file)
    shipped = SPEC_FOLDER / f"{file}.json"
    if not path.exists() and shipped.exists():
        path = shipped
    try:
        return spec_from_row(json.loads(path.read_text(encoding="utf-8")))
    except OSError:
        names = ", ".join(sorted(spec.stem for spec in SPEC_FOLDER.glob("*.json")))
        raise ProfilingError(
            f"There is no sweep {str(file)!r}; give a JSON file or one of {names}."
        ) from None
    except ValueError as error:
        raise ProfilingError(f"{path.name} is not JSON: {error}.") from None


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0
