"""A forward pass written out scan by scan, so that a scan can be changed or tokens left out.

It leaves the model alone: nothing is hooked or replaced, so that other callers of the same model
never meet an edit.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from analysis.layers.mixer import BidirectionalMixer
from analysis.layers.token_grid import TokenGrid
from analysis.models.videomamba import VideoMamba
from analysis.ops.causal_conv import causal_conv
from analysis.ops.gate import gated_sum
from analysis.ops.norm import add_residual
from analysis.ops.scan_order import LayerScan
from analysis.ops.selective_scan import selective_scan
from analysis.tracing.layer_trace import SUFFIXES
from analysis.tracing.scan_trace import DIRECTIONS


@dataclass(frozen=True, eq=False)
class ScanInput:
    """What one scan reads, in the order in which its recurrence meets the tokens.

    positions: (B, L) or (1, L), index in the sequence (CLS is 0) of the token read at each step;
        the backward direction is already reversed, so that step 0 is always read first.
    u, delta: (B, E, L), delta after its bias and softplus; A (E, N), negative; B, C (B, N, L);
        D (E,).
    by_other_direction: makes the input that the other direction's parameters give of these tokens
        in this order.
    """

    layer: int
    direction: str
    positions: Tensor
    u: Tensor
    delta: Tensor
    A: Tensor
    B: Tensor
    C: Tensor
    D: Tensor
    by_other_direction: Callable[[], "ScanInput"]

    def scan(self, u: Tensor | None = None, delta: Tensor | None = None) -> Tensor:
        """y (B, E, L) with the skip D u; `u` and `delta` stand in for those of the input."""
        u = self.u if u is None else u
        delta = self.delta if delta is None else delta
        return selective_scan(u, delta, self.A, self.B, self.C, self.D)

    def at_steps(self, tokens: Tensor) -> Tensor:
        """Values (L,) of the tokens of a sequence as (B or 1, 1, L) in the order of the steps."""
        return tokens.to(self.u.device)[self.positions][:, None]


RunScan = Callable[[ScanInput], Tensor]
"""Gives y (B, E, L), with the skip, of one scan."""


def plain_scan(scan: ScanInput) -> Tensor:
    """The scan as the model runs it."""
    return scan.scan()


def logits_of(
    model: VideoMamba,
    tokens: Tensor,
    run_scan: RunScan = plain_scan,
    *,
    visible: Tensor | None = None,
) -> Tensor:
    """Logits (B, num_classes) from the tokens (B, L, D) that enter the first block.

    run_scan: runs every scan of every layer.
    visible: bool (B, L), as many tokens of every row and CLS among them. The others are left out:
        scans skip over them, so that what is left moves together. `tokens` then are (B, V, D).
        A mean readout over no patch at all is taken as zero.

    Without edits this is what the model answers in eval mode.
    """
    grid, hidden, residual = model.token_grid, tokens, None
    for number, (block, scan) in enumerate(zip(model.layers, model.layer_scans, strict=True)):
        residual = add_residual(hidden, residual)
        reading = _Reading(number, grid, scan, visible)
        hidden = _mix(block.mixer, block.norm(residual), reading, run_scan)
    features = model.norm_f(add_residual(hidden, residual))
    if model.config.readout == "mean" and features.shape[1] == 1:
        return model.head(torch.zeros_like(features[:, 0]))
    return model.head(model.readout(features))


@dataclass(frozen=True, eq=False)
class _Reading:
    layer: int
    grid: TokenGrid
    scan: LayerScan
    visible: Tensor | None

    def positions(self, order: str, direction: str) -> Tensor:
        """Sequence index at each step, (1, L), or (B, V) among visible tokens."""
        sequence, _ = self.grid.sequence(order)
        if direction == "backward":
            sequence = sequence.flip(0)
        if self.visible is None:
            return sequence[None]
        visible = self.visible.cpu()
        number = visible.long().cumsum(1) - 1
        return number[:, sequence][visible[:, sequence]].view(len(visible), -1)


def _mix(mixer: BidirectionalMixer, x: Tensor, reading: _Reading, run_scan: RunScan) -> Tensor:
    """What the mixer gives for normalised tokens (B, L, D), one scan after another."""
    inner, z = mixer.in_proj(x).split(mixer.inner_width, dim=-1)
    sums = []
    for direction in DIRECTIONS:
        orders = getattr(reading.scan, direction)
        parts = [_scanned(mixer, inner, order, direction, reading, run_scan) for order in orders]
        sums.append((sum(parts) / len(parts)).transpose(1, 2))
    gated = gated_sum(*sums, z.transpose(1, 2)).transpose(1, 2)
    return mixer.directions_share * mixer.out_proj(gated)


def _scanned(mixer, inner, order, direction, reading: _Reading, run_scan: RunScan) -> Tensor:
    """One scan: tokens into the order of its steps, and its result back."""
    positions = reading.positions(order, direction).to(inner.device)
    read = torch.take_along_dim(inner, positions[..., None], dim=1)
    y = run_scan(_scan_input(mixer, read, direction, direction, reading.layer, positions))
    return torch.take_along_dim(y.transpose(1, 2), positions.argsort(1)[..., None], dim=1)


def _scan_input(
    mixer: BidirectionalMixer,
    read: Tensor,
    direction: str,
    parameters: str,
    layer: int,
    positions: Tensor,
) -> ScanInput:
    """Convolution and selection (Mamba paper, algorithm 2) of tokens (B, L, E) as they are read.

    `parameters` names the direction whose parameters do it.
    """
    suffix = SUFFIXES[parameters]
    (other,) = set(DIRECTIONS) - {parameters}
    conv, x_proj, dt_proj = (
        mixer.get_submodule(name + suffix) for name in ("conv1d", "x_proj", "dt_proj")
    )
    u = causal_conv(read.transpose(1, 2), conv.weight[:, 0], conv.bias)
    step, B, C = x_proj(u.transpose(1, 2)).split(
        [mixer.delta_rank, mixer.state_size, mixer.state_size], dim=-1
    )
    delta = F.softplus(F.linear(step, dt_proj.weight, dt_proj.bias))
    return ScanInput(
        layer=layer,
        direction=direction,
        positions=positions,
        u=u,
        delta=delta.transpose(1, 2),
        A=-torch.exp(mixer.get_parameter(f"A{suffix}_log").float()),
        B=B.transpose(1, 2),
        C=C.transpose(1, 2),
        D=mixer.get_parameter(f"D{suffix}"),
        by_other_direction=partial(_scan_input, mixer, read, direction, other, layer, positions),
    )
