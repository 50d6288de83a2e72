"""How the small camera-move model is trained."""

import math
from dataclasses import dataclass

import torch
from torch import nn

from analysis.models import list_models
from analysis.ops.scan_order import SCAN_ORDERS

# Published VideoMamba training keeps these out of weight decay: state matrices, skip weights,
# position and class tables; norms and biases have fewer than two dimensions.
_UNDECAYED = ("A_log", "A_b_log", ".D", ".D_b", "pos_embed", "temporal_pos_embedding", "cls_token")


class RecipeError(ValueError):
    """A recipe that cannot be run; the message is one sentence."""


def _require(holds: bool, name: str, value: object, expected: str) -> None:
    if not holds:
        raise RecipeError(f"{name} is {value}; it has to be {expected}.")


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a run, apart from the photographs.

    model: architecture, a name `create_model` knows; scan_order: the order it is trained in.
    clips: rendered clips seen in all; no clip is seen twice.
    learning_rate: peak, reached after `warmup_share` of the run, then a cosine to zero.
    easy_share: share of the run during which clips grow from easy (large moves, no nuisances)
        to full difficulty.
    ema_decay: of the running mean of the weights, which is what is kept.
    step_sizes: range of the scans' initial step sizes; None keeps the published initialisation.
    held_out_share: of the photographs, never trained on.

    Raises RecipeError, one sentence, for a value that no run can have.
    """

    model: str = "videomamba_mini"
    scan_order: str = "spatial_first"
    clips: int = 96_000
    batch_size: int = 64
    learning_rate: float = 3e-3
    weight_decay: float = 0.05
    warmup_share: float = 0.03
    easy_share: float = 0.3
    label_smoothing: float = 0.05
    gradient_norm: float = 1.0
    ema_decay: float = 0.997
    step_sizes: tuple[float, float] | None = (0.001, 0.2)
    held_out_share: float = 0.15
    seed: int = 0

    def __post_init__(self) -> None:
        _require(self.model in list_models(), "model", self.model, "a name list_models() gives")
        _require(
            self.scan_order in SCAN_ORDERS, "scan_order", self.scan_order, " or ".join(SCAN_ORDERS)
        )
        for name in ("clips", "batch_size"):
            _require(getattr(self, name) >= 1, name, getattr(self, name), "1 or more")
        _require(self.seed >= 0, "seed", self.seed, "0 or more")
        for name in ("learning_rate", "gradient_norm"):
            _require(getattr(self, name) > 0, name, getattr(self, name), "above 0")
        _require(self.weight_decay >= 0, "weight_decay", self.weight_decay, "0 or more")
        for name in (
            "warmup_share",
            "easy_share",
            "label_smoothing",
            "ema_decay",
            "held_out_share",
        ):
            value = getattr(self, name)
            _require(0 <= value < 1, name, value, "at least 0 and below 1")
        if self.step_sizes is not None:
            low, high = self.step_sizes
            _require(0 < low <= high, "step_sizes", self.step_sizes, "two rising sizes above 0")

    @property
    def steps(self) -> int:
        """Optimiser steps in the whole run."""
        return math.ceil(self.clips / self.batch_size)

    def learning_rate_at(self, step: int) -> float:
        """Learning rate of step number `step` (from 0)."""
        warmup = max(1, round(self.warmup_share * self.steps))
        if step < warmup:
            return self.learning_rate * (step + 1) / warmup
        done = (step - warmup) / max(1, self.steps - warmup)
        return self.learning_rate * 0.5 * (1.0 + math.cos(math.pi * done))

    def difficulty_at(self, step: int) -> float:
        """Difficulty (0 to 1) of the clips of step number `step`."""
        return min(1.0, step / max(1.0, self.easy_share * self.steps))


def spread_step_sizes(
    model: nn.Module, limits: tuple[float, float], generator: torch.Generator
) -> None:
    """Start the scans with step sizes spread log-uniformly between `limits`.

    The published initialisation gives every channel a step of softplus(0) = 0.69, which forgets
    within a few tokens; trained from scratch on little data, channels with long memories help
    (Mamba, arXiv 2312.00752, section 3.6).
    """
    low, high = (math.log(limit) for limit in limits)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith(("dt_proj.bias", "dt_proj_b.bias")):
                draw = torch.rand(parameter.shape, generator=generator)
                step = torch.exp(low + draw * (high - low))
                # The inverse of softplus.
                parameter.copy_(step + torch.log(-torch.expm1(-step)))


def make_optimizer(model: nn.Module, recipe: Recipe) -> torch.optim.AdamW:
    """AdamW with weight decay on weight matrices only."""
    decayed, undecayed = [], []
    for name, parameter in model.named_parameters():
        bare = parameter.ndim < 2 or name.endswith(_UNDECAYED)
        (undecayed if bare else decayed).append(parameter)
    groups = [
        {"params": decayed, "weight_decay": recipe.weight_decay},
        {"params": undecayed, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=recipe.learning_rate, betas=(0.9, 0.98))
