"""Everything that decides a training run, as frozen values."""

import math
from dataclasses import dataclass, field

from analysis.models import list_models, model_config
from analysis.ops.scan_order import SCAN_ORDERS
from analysis.training.errors import RecipeError, require
from analysis.training.objectives.classification import Classification
from analysis.training.source import Data
from analysis.training.switches import read_switches
from analysis.training.trained_part import TRAINED


@dataclass(frozen=True)
class ModelChoice:
    """The architecture and how it starts.

    name: one that `create_model` knows. num_frames, image_size, drop_path_rate: None keeps the
        architecture's own.
    weights: where parameters come from: a weights name, a checkpoint file, or None to initialise.
        Image weights are inflated, position tables resized to the frames and resolution asked for.
    keep_head: whether the head is taken from `weights` too, to go on with the same classes.
    carry_norm: whether a classifier takes the final norm of a student of masked pretraining, which
        published fine-tuning loses.
    step_sizes: range of the scans' initial step sizes; None keeps the published initialisation.
    switches: other fields of the architecture, such as "fusion=add,window=None".
    trained: which parameters learn: "own", those the architecture does not freeze, "all", or the
        "head" alone.
    """

    name: str = "videomamba_mini"
    scan_order: str = "spatial_first"
    num_frames: int | None = None
    image_size: int | None = None
    drop_path_rate: float | None = None
    weights: str | None = None
    keep_head: bool = False
    carry_norm: bool = False
    step_sizes: tuple[float, float] | None = None
    switches: str = ""
    trained: str = "own"

    def __post_init__(self) -> None:
        require(self.name in list_models(), "model.name", self.name, "a name list_models() gives")
        known = " or ".join(SCAN_ORDERS)
        require(self.scan_order in SCAN_ORDERS, "model.scan_order", self.scan_order, known)
        for name in ("num_frames", "image_size"):
            value = getattr(self, name)
            require(value is None or value >= 1, f"model.{name}", value, "1 or more, or None")
        rate = self.drop_path_rate
        require(rate is None or 0 <= rate < 1, "model.drop_path_rate", rate, "from 0 to below 1")
        if self.step_sizes is not None:
            low, high = self.step_sizes
            holds = 0 < low <= high
            require(holds, "model.step_sizes", self.step_sizes, "two rising sizes above 0")
        known = " or ".join(TRAINED)
        require(self.trained in TRAINED, "model.trained", self.trained, known)
        if self.switches:
            self._check_switches()

    def _check_switches(self) -> None:
        try:
            model_config(self.name, **read_switches(self.switches))
        except (TypeError, ValueError) as error:
            raise RecipeError(
                f"model.switches is {self.switches!r}; it has to be fields of {self.name} as in "
                f"name=value,name=value ({error})."
            ) from error

    def overrides(self) -> dict[str, object]:
        """Arguments for `create_model` beside the number of classes."""
        asked = {
            "num_frames": self.num_frames,
            "image_size": self.image_size,
            "drop_path_rate": self.drop_path_rate,
        }
        # Models that do not scan have no order, so that the usual one is not mentioned.
        if self.scan_order != ModelChoice.scan_order:
            asked["scan_order"] = self.scan_order
        asked = {key: value for key, value in asked.items() if value is not None}
        return {**asked, **read_switches(self.switches)}


@dataclass(frozen=True)
class Optimizer:
    """AdamW with a warm-up and a cosine.

    learning_rate: the peak, for `reference_batch` clips a step (scaled in proportion to the batch),
        or for any batch where that is None. final_learning_rate: at the end, scaled likewise.
    gradient_norm: gradients are scaled down to this norm; None leaves them.
    layer_decay: factor per layer away from the head; None for none. layer_decay_reaches: "tables"
        as published, where it acts on stem, class token and position tables alone, or "layers".
    mean_decay: of the running mean of the weights, which is then what is kept; None for none.
    trained_before_rate: factor of the rate for what has been trained before, where something new
        adapts it: all but adapters, adaptors, modulators and head.
    """

    learning_rate: float = 3e-3
    reference_batch: int | None = None
    final_learning_rate: float = 0.0
    warmup_share: float = 0.03
    weight_decay: float = 0.05
    betas: tuple[float, float] = (0.9, 0.98)
    gradient_norm: float | None = 1.0
    layer_decay: float | None = None
    layer_decay_reaches: str = "tables"
    mean_decay: float | None = None
    trained_before_rate: float = 1.0

    def __post_init__(self) -> None:
        names = ("learning_rate", "gradient_norm", "reference_batch", "trained_before_rate")
        for name in names:
            value = getattr(self, name)
            may_lack = name in ("gradient_norm", "reference_batch")
            holds = (value is None and may_lack) or (value or 0) > 0
            require(holds, f"optimizer.{name}", value, "above 0")
        for name in ("weight_decay", "final_learning_rate"):
            value = getattr(self, name)
            require(value >= 0, f"optimizer.{name}", value, "0 or more")
        for name in ("warmup_share", "mean_decay"):
            value = getattr(self, name) or 0
            require(0 <= value < 1, f"optimizer.{name}", value, "at least 0 and below 1")
        decay = self.layer_decay
        holds = decay is None or 0 < decay <= 1
        require(holds, "optimizer.layer_decay", decay, "above 0 and at most 1")
        reaches = self.layer_decay_reaches
        holds = reaches in ("tables", "layers")
        require(holds, "optimizer.layer_decay_reaches", reaches, "tables or layers")

    def learning_rate_at(self, step: int, steps: int, batch_size: int) -> float:
        """Learning rate of step number `step` (from 0) of `steps` with `batch_size` clips each."""
        scale = batch_size / self.reference_batch if self.reference_batch else 1.0
        warmup = max(1, round(self.warmup_share * steps))
        if step < warmup:
            return scale * self.learning_rate * (step + 1) / warmup
        done = (step - warmup) / max(1, steps - warmup)
        above = self.learning_rate - self.final_learning_rate
        cosine = 0.5 * (1.0 + math.cos(math.pi * done))
        return scale * (self.final_learning_rate + above * cosine)


@dataclass(frozen=True)
class Execution:
    """How the arithmetic is done, without changing what is computed beyond rounding.

    precision: "float32", or "bfloat16" for matrix products under autocast.
    accumulate: parts a batch is worked on in, one after another, to save memory.
    checkpoint_layers: recompute layers in the backward pass instead of keeping their inside.
    """

    precision: str = "float32"
    accumulate: int = 1
    checkpoint_layers: bool = False

    def __post_init__(self) -> None:
        known = self.precision in ("float32", "bfloat16")
        require(known, "execution.precision", self.precision, "float32 or bfloat16")
        require(self.accumulate >= 1, "execution.accumulate", self.accumulate, "1 or more")


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a run, apart from the data's own content.

    data: which clips; objective: what is learned from them.
    clips: seen in all, for endless data; epochs: passes over data with an end. One of them is set.
    batch_size: clips of one step in all processes together.
    """

    data: Data
    model: ModelChoice = field(default_factory=ModelChoice)
    objective: object = field(default_factory=Classification)
    optimizer: Optimizer = field(default_factory=Optimizer)
    execution: Execution = field(default_factory=Execution)
    clips: int | None = None
    epochs: int | None = None
    batch_size: int = 64
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("clips", "epochs"):
            value = getattr(self, name)
            require(value is None or value >= 1, name, value, "1 or more")
        require(self.batch_size >= 1, "batch_size", self.batch_size, "1 or more")
        require(self.seed >= 0, "seed", self.seed, "0 or more")

    def steps(self, clips_per_epoch: int | None) -> int:
        """Optimiser steps in the whole run; raises RecipeError where its length is not said."""
        if self.clips is not None:
            return math.ceil(self.clips / self.batch_size)
        if self.epochs is None or clips_per_epoch is None:
            missing = "clips" if clips_per_epoch is None else "epochs"
            raise RecipeError(f"The recipe does not say how long to train; set {missing}.")
        return self.epochs * max(1, clips_per_epoch // self.batch_size)
