"""One point of a cost curve, and what was measured there."""

import statistics
from dataclasses import asdict, dataclass
from typing import Any

from analysis.models import model_config, model_family
from analysis.ops.attention import ATTENTION_KERNELS
from analysis.ops.selective_scan.dispatch import IMPLEMENTATIONS
from analysis.profiling.clip_size import clip_tokens, reads_images_only

PASSES = ("inference", "training")
DTYPES = ("float32", "bfloat16", "float16")
SCAN_KERNELS = ("auto", *IMPLEMENTATIONS)
SCANNING_FAMILIES = ("videomamba", "moma", "mamba_adaptor", "vim", "vmamba")

MEASURED, OUT_OF_MEMORY, OVER_TIME, FAILED, NOT_RUN = (
    "measured",
    "out_of_memory",
    "over_time",
    "failed",
    "not_run",
)
UNSTEADY = 0.1
"""A spread of the middle half of the times above this share of their median is flagged."""


@dataclass(frozen=True)
class Curve:
    """What stays the same along a cost curve.

    kernel: of the scan (`SCAN_KERNELS`) or of attention (`ATTENTION_KERNELS`), as the model has. A
        MoMa has both; its windows attend as its configuration says.
    pass_: "inference" is a forward pass without gradients, "training" a forward pass, the loss and
        a backward pass, without the optimiser.
    dtype: float32, or autocast to the half-precision type named.
    """

    model: str
    kernel: str = "auto"
    pass_: str = "inference"
    dtype: str = "float32"
    device: str = "cpu"

    @property
    def scans(self) -> bool:
        """Whether the model has a scan."""
        return model_family(self.model) in SCANNING_FAMILIES

    @property
    def label(self) -> str:
        """A short name for people: the model, and what differs from the ordinary."""
        extras = [self.kernel] if self.kernel != "auto" else []
        extras += [self.dtype] if self.dtype != "float32" else []
        extras += ["training step"] if self.pass_ == "training" else []
        return f"{self.model} ({', '.join(extras)})" if extras else self.model


@dataclass(frozen=True)
class CostPoint:
    """A model at one size. `image_size` is a side in pixels, `batch` counts clips.

    A model of images reads the frames one by one: a clip is a batch of `num_frames` images to it.
    """

    curve: Curve
    num_frames: int
    image_size: int
    batch: int = 1

    @property
    def fields(self) -> dict[str, Any]:
        """What `create_model` has to be told."""
        fields: dict[str, Any] = {"image_size": self.image_size}
        if not self.frame_by_frame:
            fields["num_frames"] = self.num_frames
        if not self.curve.scans:
            fields["attention_kernel"] = self.curve.kernel
        return fields

    @property
    def config(self) -> Any:
        """The model's configuration at this size. Raises ValueError where it has none."""
        return model_config(self.curve.model, **self.fields)

    @property
    def frame_by_frame(self) -> bool:
        """Whether the model reads images."""
        return reads_images_only(model_config(self.curve.model))

    @property
    def tokens(self) -> int:
        """L: all tokens of one clip."""
        return clip_tokens(self.config) * (self.num_frames if self.frame_by_frame else 1)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Of what the model is given: clips (B, 3, T, H, W), or images (B * T, 3, H, W)."""
        side = (self.image_size, self.image_size)
        if self.frame_by_frame:
            return (self.batch * self.num_frames, 3, *side)
        return (self.batch, 3, self.num_frames, *side)

    def row(self) -> dict[str, Any]:
        """As JSON; `point_from_row` reads it."""
        row = asdict(self.curve) | {
            "num_frames": self.num_frames,
            "image_size": self.image_size,
            "batch": self.batch,
        }
        row["pass"] = row.pop("pass_")
        return row


def point_from_row(row: dict[str, Any]) -> CostPoint:
    """What `CostPoint.row` wrote."""
    curve = Curve(row["model"], row["kernel"], row["pass"], row["dtype"], row["device"])
    return CostPoint(curve, row["num_frames"], row["image_size"], row["batch"])


def kernels_of(model: str) -> tuple[str, ...]:
    """The kernels that a model can be measured with. Raises UnknownModelError."""
    return SCAN_KERNELS if model_family(model) in SCANNING_FAMILIES else ATTENTION_KERNELS


@dataclass(frozen=True)
class PointResult:
    """What came out at a point.

    status: MEASURED, OUT_OF_MEMORY, OVER_TIME, FAILED or NOT_RUN; `note` says more in a sentence.
    times_ms: of every timed call. memory_bytes: peak above `weights_bytes` and the input, read as
    `memory_method` says. kernel_ran: what "auto" came to.
    """

    point: CostPoint
    status: str
    note: str = ""
    tokens: int = 0
    times_ms: tuple[float, ...] = ()
    warmup_calls: int = 0
    memory_bytes: int | None = None
    memory_method: str = ""
    weights_bytes: int = 0
    kernel_ran: str = ""

    @property
    def all_tokens(self) -> int:
        """Tokens of all clips of the batch."""
        return self.tokens * self.point.batch

    @property
    def latency_ms(self) -> float | None:
        """Median time of a call, all clips of the batch together."""
        return statistics.median(self.times_ms) if self.times_ms else None

    def quantile_ms(self, share: float) -> float | None:
        """The time that a share of the calls stay under, interpolated between calls."""
        if not self.times_ms:
            return None
        times = sorted(self.times_ms)
        place = share * (len(times) - 1)
        low = int(place)
        high = min(low + 1, len(times) - 1)
        return times[low] + (place - low) * (times[high] - times[low])

    @property
    def clips_per_s(self) -> float | None:
        return 1e3 * self.point.batch / self.latency_ms if self.times_ms else None

    @property
    def tokens_per_s(self) -> float | None:
        return self.tokens * self.clips_per_s if self.times_ms else None

    @property
    def unsteady(self) -> bool:
        """Whether the middle half of the times spreads over more than a tenth of the median."""
        if not self.times_ms:
            return False
        spread = self.quantile_ms(0.75) - self.quantile_ms(0.25)
        return spread > UNSTEADY * self.latency_ms

    def row(self) -> dict[str, Any]:
        """As JSON, with what follows from the times; `result_from_row` reads it."""
        derived = {
            "latency_ms": self.latency_ms,
            "p10_ms": self.quantile_ms(0.1),
            "p90_ms": self.quantile_ms(0.9),
            "calls": len(self.times_ms),
            "clips_per_s": self.clips_per_s,
            "tokens_per_s": self.tokens_per_s,
            "unsteady": self.unsteady,
        }
        own = asdict(self)
        del own["point"]
        own["times_ms"] = [round(time, 4) for time in self.times_ms]
        return self.point.row() | derived | own


def result_from_row(row: dict[str, Any]) -> PointResult:
    """What `PointResult.row` wrote."""
    kept = {name: row[name] for name in PointResult.__dataclass_fields__ if name != "point"}
    kept["times_ms"] = tuple(kept["times_ms"])
    return PointResult(point=point_from_row(row), **kept)


def merged(results: list[PointResult]) -> PointResult:
    """Several measurements of one point as one: all times, the largest memory.

    A point that was measured once counts as measured.
    """
    measured = [result for result in results if result.status == MEASURED]
    if not measured:
        return results[-1]
    memory = [result.memory_bytes for result in measured if result.memory_bytes is not None]
    last = measured[-1]
    return PointResult(
        point=last.point,
        status=MEASURED,
        note=last.note,
        tokens=last.tokens,
        times_ms=tuple(time for result in measured for time in result.times_ms),
        warmup_calls=sum(result.warmup_calls for result in measured),
        memory_bytes=max(memory, default=None),
        memory_method=last.memory_method,
        weights_bytes=last.weights_bytes,
        kernel_ran=last.kernel_ran,
    )
