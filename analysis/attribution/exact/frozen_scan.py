"""A scan with every input-dependent factor held at its value: a linear map of its inputs.

Step sizes, B, C and the factor of the activation are frozen, and so is what adaptors choose to
read; what is left is linear, so the output is a sum over sources (analysis spec, sections 2-3).
Nothing here stores more than a few tensors of L x E.
"""

from dataclasses import dataclass
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor

from analysis.tracing.scan_trace import ScanTrace, convolve, run_scan

LEVELS: tuple[str, ...] = ("value", "pre_conv", "residual")
"""What is taken apart and where it is added up (analysis spec, section 3).

value: the scan's inputs u, added up before the gate. pre_conv: the inner tokens x before the
convolution, added up before the gate. residual: x again, through gate and output projection: parts
of what the layer adds to the residual stream.
"""


@dataclass(frozen=True)
class Switches:
    """Parts of the decomposition that may be left out, to see what each is worth.

    conv: the convolution and its bias (without: each token feeds itself alone).
    silu: the frozen factor of the activation, which is SiLU in all models but MoMa (GELU).
    gate: what the scans' sum is multiplied with. skip: the D-weighted path around the state.
    """

    conv: bool = True
    silu: bool = True
    gate: bool = True
    skip: bool = True

    @property
    def switched_off(self) -> tuple[str, ...]:
        """Names of what is left out."""
        return tuple(name for name, on in vars(self).items() if not on)


EVERYTHING = Switches()


def checked_level(level: str) -> str:
    """The level itself. Raises ValueError for an unknown one."""
    if level not in LEVELS:
        raise ValueError(f"unknown level {level!r}; choose {', '.join(LEVELS)}")
    return level


@dataclass(frozen=True, eq=False)
class FrozenScan:
    """One traced scan as a linear map from its sources to y; tokens in canonical order."""

    scan: ScanTrace
    level: str
    switches: Switches = EVERYTHING

    @property
    def sources(self) -> Tensor:
        """(L, E) what is taken apart: u at the value level, x at the others."""
        return self.scan.u if self.level == "value" else self.scan.x

    @cached_property
    def _slope(self) -> Tensor | None:
        """The activation's factor in scan order; None where it plays no part."""
        if self.level == "value" or not self.switches.silu:
            return None
        return self.scan.slope[self.scan.positions]

    @property
    def _convolves(self) -> bool:
        return self.level != "value" and self.switches.conv

    @torch.no_grad()
    def respond(self, masks: Tensor) -> Tensor:
        """y (G, L, E) that each set of sources causes; masks (G, L), 1 where a source belongs.

        One frozen scan a set, all sets in one batch: linear in L (analysis spec, section 4.4).
        """
        read = self.scan.positions
        return self._scanned(self._inputs(self.sources[read] * masks[:, read, None]))

    @torch.no_grad()
    def bias(self) -> Tensor:
        """y (L, E) that the convolution's bias causes; zero where there is no convolution."""
        if not self._convolves:
            return torch.zeros_like(self.scan.u)
        inputs = self.scan.conv_bias.expand_as(self.scan.u)
        slope = self._slope
        return self._scanned((inputs if slope is None else inputs * slope)[None])[0]

    def impulses(self, sources: Tensor) -> Tensor:
        """(S, K, E) what each token of `sources` (S,) puts into the scan from its own step on.

        K is the width of the convolution, 1 without one; what lies past the end is no input.
        """
        return self.sources[sources][:, None] * self.factors(sources)

    def factors(self, sources: Tensor) -> Tensor:
        """(S or 1, K, E or 1) what `impulses` multiplies the tokens with."""
        scan, slope = self.scan, self._slope
        taps = scan.conv_weight.flip(1).T if self._convolves else scan.u.new_ones(1, 1)
        if slope is None:
            return taps[None]
        following = scan.steps[sources][:, None] + torch.arange(len(taps))
        return taps * slope[following.clamp(max=len(slope) - 1)]

    def adjoint(self, cotangent: Tensor) -> Tensor:
        """(..., L, E) weight of every source in sum_t <cotangent[t], y[t]>; cotangent (..., L, E).

        One backward pass through the frozen scan (analysis spec, section 4.5): weight times
        source is that source's part of the sum. Several cotangents (G, L, E) go in one batch.
        """
        many = cotangent.reshape(-1, *self.scan.u.shape)
        with torch.inference_mode(False), torch.enable_grad():
            sources = torch.zeros_like(many, requires_grad=True)
            y = self._scanned(self._inputs(sources[:, self.scan.positions]))
            (weights,) = torch.autograd.grad(y, sources, many)
        return weights.view_as(cotangent)

    def transposed_inputs(self, weights: Tensor) -> Tensor:
        """Weights on the scan's inputs u to weights on the sources, both (L, E) in scan order."""
        slope = self._slope
        if slope is not None:
            weights = weights * slope
        if not self._convolves:
            return weights
        taps, length = self.scan.conv_weight.shape[1], len(weights)
        padded = F.pad(weights, (0, 0, 0, taps - 1))
        return sum(
            padded[taps - 1 - k : taps - 1 - k + length] * self.scan.conv_weight[:, k]
            for k in range(taps)
        )

    def bias_weight(self, weights: Tensor) -> Tensor:
        """What the convolution's bias adds (E,), given weights (L, E) on u in scan order."""
        if not self._convolves:
            return torch.zeros_like(self.scan.conv_bias)
        slope = self._slope
        return (weights if slope is None else weights * slope).sum(0) * self.scan.conv_bias

    def _inputs(self, sources: Tensor) -> Tensor:
        """Sources (G, L, E) to what they put into the scan, both in scan order."""
        if self._convolves:
            sources = convolve(sources, self.scan.conv_weight)
        slope = self._slope
        return sources if slope is None else sources * slope

    def _scanned(self, inputs: Tensor) -> Tensor:
        scan, read = self.scan, self.scan.positions
        skip = scan.D if self.switches.skip else None
        dt, B = scan.dt[read], scan.B[read]
        y = run_scan(inputs, dt, scan.A, B, scan.C[read], skip)[:, scan.steps]
        if scan.enrichment is None:
            return y
        return scan.enrichment(y, inputs, dt, scan.A, B, scan.C, scan.steps)
