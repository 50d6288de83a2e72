"""VMamba's SS2D (arXiv 2401.10166): an image read along rows and columns, both ways, and summed.

The kind its code calls v05_noz: no gate, one state per channel in the published models. Parameter
names and shapes are the published ones.
"""

import math
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from analysis.layers.adaptor_s import AdaptorS
from analysis.layers.adaptor_t import AdaptorT, DirectionAdaptors
from analysis.layers.token_grid import ClassFreeGrid
from analysis.ops.region import region
from analysis.ops.scan_states import ScanInputs

DIRECTIONS = 4
"""Rows and columns from the first token, then rows and columns from the last."""


class CrossScan(nn.Module):
    """Four selective scans over the same pixels, each with parameters of its own.

    Adaptors may be set after it is made: one that gives every direction memory, and one that acts
    on their sum.

    Args:
        width: D, channels of the tokens.
        state_size: N, states per inner channel.
        expand: E / D, inner channels per channel.
    """

    directions: ClassVar[int] = DIRECTIONS

    def __init__(self, width: int, state_size: int = 1, expand: float = 1):
        super().__init__()
        inner = int(expand * width)
        self.inner_width, self.state_size = inner, state_size
        self.delta_rank = rank = math.ceil(width / 16)
        self.in_proj = nn.Linear(width, inner, bias=False)
        self.conv2d = nn.Conv2d(inner, inner, 3, padding=1, groups=inner, bias=False)
        self.x_proj_weight = _empty(DIRECTIONS, rank + 2 * state_size, inner)
        self.dt_projs_weight = _empty(DIRECTIONS, inner, rank)
        self.dt_projs_bias = _empty(DIRECTIONS, inner)
        self.A_logs = _empty(DIRECTIONS * inner, state_size)
        self.Ds = _empty(DIRECTIONS * inner)
        self.out_norm = nn.LayerNorm(inner)
        self.out_proj = nn.Linear(inner, width, bias=False)
        self.adaptor_t: AdaptorT | DirectionAdaptors | None = None
        self.adaptor_s: AdaptorS | None = None

    def forward(self, x: Tensor) -> Tensor:
        """Tokens (B, h, w, D) to tokens (B, h, w, D)."""
        grid = ClassFreeGrid(1, *x.shape[1:3])
        with region("in_proj"):
            inner = self.in_proj(x).permute(0, 3, 1, 2)
        with region("conv"):
            u = F.silu(self.conv2d(inner)).flatten(2)
        y = self._scanned(u, grid)
        if self.adaptor_s is not None:
            with region("conv"):
                y = y + self.adaptor_s(y, grid)
        with region("norm"):
            y = self.out_norm(y.transpose(1, 2))
        with region("out_proj"):
            return self.out_proj(y.unflatten(1, (grid.h, grid.w)))

    def _scanned(self, u: Tensor, grid: ClassFreeGrid) -> Tensor:
        """The sum of the four directions, (B, E, L) like u, in canonical order."""
        with region("reorder"):
            read, back = grid.sequence("column_first", u.device)
            columns = u[:, :, read]
        rows = self._direction(u, 0, grid) + self._direction(u, 2, grid)
        turned = self._direction(columns, 1, grid, back) + self._direction(columns, 3, grid, back)
        with region("reorder"):
            return rows + turned[:, :, back]

    def _direction(
        self, u: Tensor, number: int, grid: ClassFreeGrid, back: Tensor | None = None
    ) -> Tensor:
        scan = self.scan_inputs(u, number)
        with region("scan_bwd" if scan.reverse else "scan_fwd"):
            if self.adaptor_t is None:
                return scan.output()
            return self.adaptor_t.of_direction(number)(scan, grid, back)

    def scan_inputs(self, u: Tensor, number: int) -> ScanInputs:
        """What the scan of direction `number` is given for tokens u (B, E, L) in its order."""
        channels = slice(number * self.inner_width, (number + 1) * self.inner_width)
        with region("x_proj"):
            step, B, C = F.linear(u.transpose(1, 2), self.x_proj_weight[number]).split(
                [self.delta_rank, self.state_size, self.state_size], dim=-1
            )
            delta = F.linear(step, self.dt_projs_weight[number])
        return ScanInputs(
            u,
            delta.transpose(1, 2),
            -torch.exp(self.A_logs[channels].float()),
            B.transpose(1, 2),
            C.transpose(1, 2),
            self.Ds[channels],
            self.dt_projs_bias[number],
            reverse=number >= 2,
        )


def _empty(*shape: int) -> nn.Parameter:
    """Set by `initialize_vmamba` or a checkpoint."""
    return nn.Parameter(torch.zeros(*shape))
