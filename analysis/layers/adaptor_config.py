"""Everything that shapes the adaptors of a model, and how they are used."""

from dataclasses import dataclass
from typing import Any

USAGES: tuple[str, ...] = ("backbone", "booster", "fine_tuning")
"""backbone: trained from scratch with its host. booster: put into a trained host, all trained on.
fine_tuning: put into a trained host that stays frozen (Mamba-Adaptor, abstract)."""

SHARES: tuple[str, ...] = ("none", "width", "all")
"""Which blocks have the same adaptors: each its own, those of one inner width, all."""

_CHOICES: dict[str, tuple[Any, ...]] = {
    "selection": ("predicted", "learned", "static"),
    "coefficients": ("predicted", "uniform"),
    "locations": ("sequence", "grid"),
    "memory_range": ("all", "past"),
    "branches": ("sum", "split"),
    "kernel": ("2d", "3d"),
    "usage": USAGES,
    "share": SHARES,
}


@dataclass(frozen=True, kw_only=True)
class AdaptorConfig:
    """The switches of Mamba-Adaptor (arXiv 2505.12685); values are our design where it is silent.

    adaptor_t, adaptor_s: whether blocks have the memory and the convolutions.
    selection: where memory is read: "predicted" from a token's state, "learned" places that are
        the same for all inputs, or "static" ones, as they are at the start.
    coefficients: weights of the places, "predicted" or "uniform" (the switch called `weights`).
    memory_sequences: S, groups of channels that read at places of their own.
    memory_locations: K, places a group reads for each token.
    locations: along the "sequence", or on the token "grid" around a token.
    memory_range: "all" tokens, or the "past" of each: causal memory only.
    dilations: one 3 x 3 depthwise kernel for each. branches: their "sum", or "split": every kernel
        has a share of the channels. kernel: "2d" within a frame, "3d" across three frames.
    usage: one of `USAGES`, which decides the start: the identity for hosts that are trained.
    share: one of `SHARES`. share_directions: whether all directions of a block have one memory, or
        each its own.
    """

    adaptor_t: bool = True
    adaptor_s: bool = True
    selection: str = "predicted"
    coefficients: str = "predicted"
    memory_sequences: int = 4
    memory_locations: int = 4
    locations: str = "sequence"
    memory_range: str = "all"
    dilations: tuple[int, ...] = (1, 2, 3)
    branches: str = "sum"
    kernel: str = "2d"
    usage: str = "booster"
    share: str = "none"
    share_directions: bool = True

    def __post_init__(self) -> None:
        for field, choices in _CHOICES.items():
            if (value := getattr(self, field)) not in choices:
                raise ValueError(f"unknown {field} {value!r}; choose {' or '.join(choices)}")
        counts = (self.memory_sequences, self.memory_locations, len(self.dilations))
        if min(*counts, *self.dilations) < 1:
            raise ValueError(
                "memory_sequences, memory_locations and dilations have to be at least 1 each"
            )
        if self.locations == "grid" and self.memory_range == "past":
            raise ValueError(
                "places on the grid have no past; choose locations sequence or memory_range all"
            )

    @property
    def starts_as_identity(self) -> bool:
        """Whether gamma and the kernels start at zero, so that the host's answers stay."""
        return self.usage != "backbone"
