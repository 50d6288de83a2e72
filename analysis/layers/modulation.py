"""What a state-space layer does to the tokens of a frozen model: SeqMod, and its alternatives.

SeqMod is MoMa's (arXiv 2506.23283): a scale and a bias for every token and channel. The paper
compares it with others by name; what exactly those are is our reading.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from analysis.layers.grid_scan import GridScan


@dataclass(frozen=True, eq=False)
class Modulation:
    """What became of tokens x (B, t, h, w, D) in one modulation.

    scale, bias: what the state-space layer said of every token, (B, t, h, w, D); None where the
        fusion has no use for it.
    out: the modulated tokens.
    """

    x: Tensor
    scale: Tensor | None
    bias: Tensor | None
    out: Tensor


@dataclass(frozen=True)
class _Fusion:
    """Which sequences the layer has to say, and what is made of them and the tokens.

    `starts_at_zero`: the layer begins by saying nothing. Not where that would be no start: the
    larger of a token and zero loses half of it, and two factors that are both zero never learn.
    """

    has_scale: bool
    has_bias: bool
    fuse: Callable[..., Tensor]
    starts_at_zero: bool = True


def _of_clip(y: Tensor) -> Tensor:
    """The mean over all tokens of a clip, (B, 1, 1, 1, D)."""
    return y.mean(dim=(1, 2, 3), keepdim=True)


def _seqmod(x: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
    return scale * x + bias + x


def _adan(x: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
    return _seqmod(x, _of_clip(scale), _of_clip(bias))


def _adan_norm(x: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
    return (1 + _of_clip(scale)) * F.layer_norm(x, x.shape[-1:]) + _of_clip(bias)


def _add(x: Tensor, scale: None, bias: Tensor) -> Tensor:
    return bias + x


_FUSIONS = {
    "seqmod": _Fusion(True, True, _seqmod),
    "add": _Fusion(False, True, _add),
    "max": _Fusion(False, True, lambda x, _, bias: torch.maximum(x, bias), starts_at_zero=False),
    "concat": _Fusion(
        False, True, lambda x, _, bias: torch.cat([x, bias], dim=-1), starts_at_zero=False
    ),
    "adan": _Fusion(True, True, _adan),
    "adan_norm": _Fusion(True, True, _adan_norm),
    "scale_only": _Fusion(True, False, lambda x, scale, _: scale * x + x),
    "bias_only": _Fusion(False, True, _add),
    "no_skip": _Fusion(True, True, lambda x, scale, bias: scale * x + bias),
}

SKIP = "skip"
"""The fusion without a state-space layer: tokens stay as they are."""

FUSIONS: tuple[str, ...] = (*_FUSIONS, SKIP)
"""Ways to bring what the state-space layer says into the tokens."""


class Modulator(nn.Module):
    """A state-space layer over all tokens of a clip, and what it does to them.

    A fresh one leaves the tokens exactly as they are, unless the fusion is "max" or "adan_norm" or
    `zero_init` is False: the last projection begins at zero (of "concat" the mixing weights begin
    as [identity, 0] instead, of "no_skip" the biases of all scales at 1).

    Args:
        width: D, channels of the tokens.
        inner: E, channels of the scans.
        fusion: one of `FUSIONS`, but not "skip".
        zero_init: begin the last projection at zero; else as any linear layer.
        options: the other arguments of `GridScan`.
    """

    def __init__(
        self, width: int, inner: int, fusion: str = "seqmod", zero_init: bool = True, **options
    ):
        super().__init__()
        self.fusion = _FUSIONS[fusion]
        outputs = self.fusion.has_scale + self.fusion.has_bias
        self.ssm = GridScan(width, inner, outputs, **options)
        self.mix = nn.Linear(2 * width, width, bias=False) if fusion == "concat" else nn.Identity()
        self._start(zero_init, fusion)

    @torch.no_grad()
    def _start(self, zero_init: bool, fusion: str) -> None:
        projection = self.ssm.out_proj
        if zero_init and self.fusion.starts_at_zero:
            projection.weight.zero_()
            projection.bias.zero_()
        if fusion == "concat":
            nn.init.eye_(self.mix.weight)
        if fusion == "no_skip":
            scale, bias = projection.bias.chunk(2)
            scale.fill_(1.0)
            bias.zero_()

    def forward(self, x: Tensor) -> Modulation:
        """Modulates tokens (B, t, h, w, D)."""
        said = list(self.ssm(x).split(x.shape[-1], dim=-1))
        scale = said.pop(0) if self.fusion.has_scale else None
        bias = said.pop(0) if self.fusion.has_bias else None
        return Modulation(x, scale, bias, self.mix(self.fusion.fuse(x, scale, bias)))
