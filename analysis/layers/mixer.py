"""The bidirectional Mamba mixer of VideoMamba, reading tokens in any scan order."""

import math
from collections.abc import Callable
from functools import partial
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from analysis.layers.adaptor_s import AdaptorS
from analysis.layers.adaptor_t import AdaptorT, DirectionAdaptors
from analysis.layers.token_grid import TokenGrid
from analysis.layers.visible_tokens import VisibleTokens
from analysis.ops.causal_conv import causal_conv
from analysis.ops.gate import gated_sum
from analysis.ops.region import region
from analysis.ops.scan_order import LayerScan
from analysis.ops.scan_states import ScanInputs
from analysis.ops.two_way import two_way_conv, two_way_scan_, two_way_supports

SPATIAL_FIRST = LayerScan(("spatial_first",), ("spatial_first",))


class BidirectionalMixer(nn.Module):
    """Two selective scans over the same tokens, one forward and one backward, summed.

    The input projection, the gate and the output projection are shared; convolution, step size,
    B, C, A and D belong to a direction (VideoMamba paper, Fig. 2; parameter names as published,
    those of the backward direction ending in _b). Adaptors may be set after it is made: one that
    gives both directions memory, and one that acts on their sum.

    Args:
        width: D, channels of the tokens.
        state_size: N, states per inner channel.
        conv_width: K, taps of the causal convolution.
        expand: E / D, inner channels per channel.
    """

    directions: ClassVar[int] = 2
    directions_share: ClassVar[float] = 1.0
    """What the sum of both directions counts with: half of it would be their mean."""

    def __init__(self, width: int, state_size: int = 16, conv_width: int = 4, expand: int = 2):
        super().__init__()
        inner = expand * width
        self.inner_width, self.state_size = inner, state_size
        self.delta_rank = math.ceil(width / 16)
        self.in_proj = nn.Linear(width, 2 * inner, bias=False)
        self.out_proj = nn.Linear(inner, width, bias=False)
        for suffix in ("", "_b"):
            self._add_direction(suffix, conv_width)
        self.adaptor_t: AdaptorT | DirectionAdaptors | None = None
        self.adaptor_s: AdaptorS | None = None

    def _add_direction(self, suffix: str, conv_width: int) -> None:
        inner, states, rank = self.inner_width, self.state_size, self.delta_rank
        conv = nn.Conv1d(inner, inner, conv_width, groups=inner, padding=conv_width - 1)
        rates = torch.arange(1, states + 1, dtype=torch.float32).repeat(inner, 1)
        self.add_module(f"conv1d{suffix}", conv)
        self.add_module(f"x_proj{suffix}", nn.Linear(inner, rank + 2 * states, bias=False))
        self.add_module(f"dt_proj{suffix}", nn.Linear(rank, inner))
        self.register_parameter(f"A{suffix}_log", nn.Parameter(rates.log()))
        self.register_parameter(f"D{suffix}", nn.Parameter(torch.ones(inner)))

    def forward(
        self, x: Tensor, grid: TokenGrid | VisibleTokens, scan: LayerScan = SPATIAL_FIRST
    ) -> Tensor:
        """Tokens (B, L, D) in canonical order to tokens (B, L, D) in canonical order.

        `grid` says where the tokens stand; it is only read where `scan` asks for another token
        order than the canonical one. Orders that share a direction share its parameters and are
        averaged; directions are summed.
        """
        orders = scan.token_orders
        if len(orders) == 1 and not (self.adaptor_t or self.adaptor_s):
            # Everything outside the two scans works token by token, so reordering the narrow
            # input and output is the same as reordering the wider inner tokens.
            mix = self._mix_at_once if two_way_supports(x) else self._mix
            return _reordered(x, grid, orders[0], mix)
        return self._mix(x, partial(self._mean_over_orders, grid=grid, scan=scan), grid)

    def _mean_over_orders(
        self, inner: Tensor, suffix: str, grid: TokenGrid | VisibleTokens, scan: LayerScan
    ) -> Tensor:
        """One direction over all its token orders, (B, L, E) in canonical order throughout."""
        orders = scan.backward if suffix else scan.forward
        parts = []
        for order in orders:
            back = None if grid.reads_in_place(order) else grid.sequence(order, inner.device)[1]
            direction = partial(self.scan_direction, suffix=suffix, grid=grid, back=back)
            parts.append(_reordered(inner, grid, order, direction))
        return parts[0] if len(parts) == 1 else sum(parts) / len(parts)

    def _mix(
        self,
        x: Tensor,
        direction: Callable[[Tensor, str], Tensor] | None = None,
        grid: TokenGrid | VisibleTokens | None = None,
    ) -> Tensor:
        """Project, run `direction` both ways, gate the sum, project back.

        An adaptor of the sum wants it in canonical order, and the `grid`.
        """
        direction = direction or self.scan_direction
        # Split before transposing: gradients then meet again along the axis that is contiguous.
        inner, z = self._projected(x)
        forward, backward = (direction(inner, suffix).transpose(1, 2) for suffix in ("", "_b"))
        if self.adaptor_s is not None:
            with region("conv"):
                forward = forward + backward
                backward = self.adaptor_s(forward, grid)
        with region("gate"):
            gated = gated_sum(forward, backward, z.transpose(1, 2))
        with region("out_proj"):
            return self.out_proj(gated.transpose(1, 2))

    def _projected(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """What the scans read and what gates them, (B, L, E) each."""
        with region("in_proj"):
            return self.in_proj(x).split(self.inner_width, dim=-1)

    def _mix_at_once(self, x: Tensor) -> Tensor:
        """What `_mix` gives, without gradients and with fewer passes over memory."""
        inner, z = self._projected(x)
        convs, x_projs, dt_projs = (
            (self.get_submodule(name), self.get_submodule(f"{name}_b"))
            for name in ("conv1d", "x_proj", "dt_proj")
        )
        with region("conv"):
            u = two_way_conv(inner, [c.weight[:, 0] for c in convs], [c.bias for c in convs])
        with region("x_proj"):
            selections = [x_proj(tokens) for x_proj, tokens in zip(x_projs, u, strict=True)]
        with region("scan"):
            gated = two_way_scan_(
                u,
                selections,
                z,
                (self.A_log, self.A_b_log),
                [dt_proj.weight for dt_proj in dt_projs],
                [dt_proj.bias for dt_proj in dt_projs],
                (self.D, self.D_b),
            )
        with region("out_proj"):
            return self.out_proj(gated)

    def scan_direction(
        self,
        inner: Tensor,
        suffix: str,
        grid: TokenGrid | VisibleTokens | None = None,
        back: Tensor | None = None,
    ) -> Tensor:
        """Convolution, selection and scan of one direction ("" or "_b"), before the gate.

        `inner` (B, L, E) in the order to be read; returns (B, L, E), not flipped. `grid` and
        `back` tell an adaptor where these tokens stand.
        """
        scan = self.scan_inputs(inner, suffix)
        with region("scan_bwd" if scan.reverse else "scan_fwd"):
            if self.adaptor_t is None:
                return scan.output().transpose(1, 2)
            memory = self.adaptor_t.of_direction(int(scan.reverse))
            return memory(scan, grid, back).transpose(1, 2)

    def scan_inputs(self, inner: Tensor, suffix: str) -> ScanInputs:
        """What the scan of a direction is given for inner tokens (B, L, E) in reading order."""
        reverse = suffix == "_b"
        conv, x_proj, dt_proj = (
            self.get_submodule(name + suffix) for name in ("conv1d", "x_proj", "dt_proj")
        )
        with region("conv"):
            u = causal_conv(inner.transpose(1, 2), conv.weight[:, 0], conv.bias, reverse=reverse)
        with region("x_proj"):
            step, B, C = x_proj(u.transpose(1, 2)).split(
                [self.delta_rank, self.state_size, self.state_size], dim=-1
            )
            delta = F.linear(step, dt_proj.weight)
        return ScanInputs(
            u,
            delta.transpose(1, 2),
            -torch.exp(self.get_parameter(f"A{suffix}_log").float()),
            B.transpose(1, 2),
            C.transpose(1, 2),
            self.get_parameter(f"D{suffix}"),
            dt_proj.bias,
            reverse,
        )


def _reordered(x: Tensor, grid: TokenGrid | VisibleTokens, order: str, function) -> Tensor:
    """`function` on tokens in a token order, its result back in canonical order."""
    if grid.reads_in_place(order):
        return function(x)
    with region("reorder"):
        read, back = grid.sequence(order, x.device)
        x = _taken(x, read)
    x = function(x)
    with region("reorder"):
        return _taken(x, back)


def _taken(x: Tensor, index: Tensor) -> Tensor:
    """Tokens by number: one sequence (L,) for all clips, or one a clip (B, L)."""
    return x[:, index] if index.ndim == 1 else x.take_along_dim(index[..., None], dim=1)
