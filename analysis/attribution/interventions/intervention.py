"""What every intervention is: something done to the clip or to chosen scans, more or less of it."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from analysis.attribution.edited_pass import ScanInput
from analysis.attribution.method import AttributionError
from analysis.tracing.scan_trace import DIRECTIONS


@dataclass(frozen=True, eq=False)
class Intervention:
    """Base of all interventions: does nothing.

    `strength` is a number 0..1 as a tensor without axes: 0 leaves everything as it is, 1 is the
    intervention itself, and the slope at 0 is what a linear model would predict of it.
    """

    def describe(self) -> str:
        """What is done, as the head of a result."""
        return "nothing"

    def settings(self) -> dict[str, object]:
        """What was chosen, ready for JSON."""
        return {}

    def check(self, model: nn.Module, clip: Tensor) -> None:
        """Raises AttributionError, one sentence, where it can't be done to this model or clip."""

    def clips(self, model: nn.Module, clip: Tensor, strength: Tensor) -> Tensor:
        """What the model is shown: (B, 3, T, H, W), the clip that is answered for first."""
        return clip[None]

    def run_scan(self, scan: ScanInput, strength: Tensor) -> Tensor:
        """y (B, E, L) of one scan."""
        return scan.scan()


@dataclass(frozen=True, eq=False, kw_only=True)
class ScanIntervention(Intervention):
    """Base of interventions in the scans of chosen layers (None: all) and directions."""

    layers: Sequence[int] | None = None
    directions: Sequence[str] = DIRECTIONS

    def settings(self) -> dict[str, object]:
        layers = "all" if self.layers is None else list(self.layers)
        return {"layers": layers, "directions": list(self.directions)}

    def check(self, model: nn.Module, clip: Tensor) -> None:
        depth = len(model.layers)
        for layer in self.layers or ():
            if not 0 <= layer < depth:
                raise AttributionError(f"There is no layer {layer}; choose 0 to {depth - 1}.")
        for direction in self.directions:
            if direction not in DIRECTIONS:
                raise AttributionError(
                    f"There is no direction {direction!r}; choose {' or '.join(DIRECTIONS)}."
                )

    def run_scan(self, scan: ScanInput, strength: Tensor) -> Tensor:
        chosen = self.layers is None or scan.layer in self.layers
        if chosen and scan.direction in self.directions:
            return self.edited(scan, strength)
        return scan.scan()

    def edited(self, scan: ScanInput, strength: Tensor) -> Tensor:
        """y (B, E, L) of a scan that was chosen."""
        raise NotImplementedError


def check_tokens(name: str, tokens: Tensor, length: int) -> None:
    """Raises AttributionError unless `tokens` is bool (L,)."""
    if tokens.dtype != torch.bool or tokens.shape != (length,):
        raise AttributionError(
            f"{name} must be {length} true or false values, CLS first; got {tuple(tokens.shape)}."
        )
