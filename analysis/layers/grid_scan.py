"""Selective scans over a clip's tokens in several orders: the state-space layer of MoMa.

arXiv 2506.23283. What its public descriptions leave open (width, gate, norms, sharing, start) is
decided here so that both published parameter counts come out.
"""

import math
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from analysis.layers.first_steps import start_steps_
from analysis.ops.causal_conv import causal_conv
from analysis.ops.region import region
from analysis.ops.scan_order import inverse_permutation, layer_scans, token_permutation
from analysis.ops.selective_scan import selective_scan

Path = tuple[str, bool]
"""A token order, and whether it is read from its end."""


class SelectiveScan(nn.Module):
    """Convolution, selection and scan of one set of parameters, GELU between.

    Args:
        inner: E, channels.
        state_size: N, states per channel.
        conv_width: K, taps of the causal convolution.
    """

    def __init__(self, inner: int, state_size: int, conv_width: int):
        super().__init__()
        self.state_size, self.delta_rank = state_size, math.ceil(inner / 16)
        self.conv1d = nn.Conv1d(inner, inner, conv_width, groups=inner, padding=conv_width - 1)
        self.x_proj = nn.Linear(inner, self.delta_rank + 2 * state_size, bias=False)
        self.dt_proj = nn.Linear(self.delta_rank, inner)
        rates = torch.arange(1, state_size + 1, dtype=torch.float32).repeat(inner, 1)
        self.A_log = nn.Parameter(rates.log())
        self.D = nn.Parameter(torch.ones(inner))
        start_steps_(self.dt_proj.weight, self.dt_proj.bias)

    def forward(self, tokens: Tensor) -> Tensor:
        """Sequences (B, L, E) in the order to be read, to the same."""
        with region("conv"):
            u = causal_conv(
                tokens.transpose(1, 2), self.conv1d.weight[:, 0], self.conv1d.bias, silu=False
            )
            u = F.gelu(u.transpose(1, 2))
        with region("x_proj"):
            step, B, C = self.x_proj(u).split(
                [self.delta_rank, self.state_size, self.state_size], dim=-1
            )
            delta = F.linear(step, self.dt_proj.weight)
        with region("scan"):
            # float32 at least: rates would lose their small differences in half precision.
            rates = self.A_log.to(torch.promote_types(self.A_log.dtype, torch.float32))
            y = selective_scan(
                u.transpose(1, 2),
                delta.transpose(1, 2),
                -rates.exp(),
                B.transpose(1, 2),
                C.transpose(1, 2),
                self.D,
                delta_bias=self.dt_proj.bias,
                delta_softplus=True,
            )
        return y.transpose(1, 2)


class GridScan(nn.Module):
    """Every token hears of the others along several paths through the grid; the mean counts.

    Args:
        width: D, channels of the tokens.
        inner: E, channels of the scans.
        outputs: how many sequences of D channels come out.
        scans: token orders, see `analysis.ops.scan_order`.
        bidirectional: read every order from its end too.
        gate: multiply by GELU of a second projection.
        share_scans: one set of parameters for all paths, which are then scanned at once; else one
            for each order and direction.
        state_size, conv_width: as in `SelectiveScan`.
    """

    def __init__(
        self,
        width: int,
        inner: int,
        outputs: int = 2,
        scans: tuple[str, ...] = ("spatial_first", "temporal_first"),
        bidirectional: bool = True,
        gate: bool = False,
        share_scans: bool = True,
        state_size: int = 16,
        conv_width: int = 4,
    ):
        super().__init__()
        self.paths = paths_of(scans, bidirectional)
        self.inner, self.gate = inner, gate
        self.in_norm = nn.LayerNorm(width)
        self.in_proj = nn.Linear(width, (1 + gate) * inner, bias=False)
        self._known = None if share_scans else self.paths
        self.scans = nn.ModuleList(
            SelectiveScan(inner, state_size, conv_width) for _ in self._known or (None,)
        )
        self.merge_norm = nn.LayerNorm(inner)
        self.out_proj = nn.Linear(inner, outputs * width)

    def set_paths(self, paths: tuple[Path, ...]) -> None:
        """Reads along other paths from now on; parameters stay as they are.

        Raises ValueError for a path without parameters, where every path has its own.
        """
        if self._known is not None and not set(paths) <= set(self._known):
            raise ValueError(
                "every path of this model has parameters of its own, and one of those asked for "
                "has none; choose a scan order of the token orders that it was made with"
            )
        self.paths = paths

    def scan_of(self, path: Path) -> SelectiveScan:
        """The scan with the parameters of a path."""
        return self.scans[0 if self._known is None else self._known.index(path)]

    def forward(self, x: Tensor) -> Tensor:
        """Tokens (B, t, h, w, D) to (B, t, h, w, outputs * D)."""
        grid = x.shape[1:4]
        with region("norm"):
            normed = self.in_norm(x)
        with region("in_proj"):
            inner, *z = self.in_proj(normed).flatten(1, 3).split(self.inner, dim=-1)
        paths = scan_paths(self.paths, *grid)
        y = self._mean_over_paths(inner, *(index.to(x.device) for index in paths))
        with region("gate"):
            y = y * F.gelu(z[0]) if z else y
        with region("norm"):
            y = self.merge_norm(y)
        with region("out_proj"):
            return self.out_proj(y).unflatten(1, grid)

    def _mean_over_paths(self, inner: Tensor, read: Tensor, back: Tensor) -> Tensor:
        """Tokens (B, L, E) along every path, each path's result put back, and averaged."""
        with region("reorder"):
            sequences = inner[:, read.flatten()].unflatten(1, read.shape)
        if self._known is None:
            read_out = self.scans[0](sequences.flatten(0, 1)).unflatten(0, sequences.shape[:2])
            paths = read_out.unbind(1)
        else:
            along = zip(self.paths, sequences.unbind(1), strict=True)
            paths = [self.scan_of(path)(x) for path, x in along]
        with region("reorder"):
            return sum(y[:, order] for y, order in zip(paths, back, strict=True)) / len(paths)


def paths_of(scans: tuple[str, ...], bidirectional: bool) -> tuple[Path, ...]:
    """Every token order, and after it the same from its end if both ways are read."""
    return tuple((name, turned) for name in scans for turned in (False, True)[: 1 + bidirectional])


def layer_paths(scan_order: str, depth: int) -> tuple[tuple[Path, ...], ...]:
    """The paths of every layer in one of the scan orders of `analysis.ops.scan_order`.

    Raises ValueError for an unknown one.
    """
    return tuple(
        tuple(
            (name, turned)
            for name in plan.token_orders
            for turned, orders in ((False, plan.forward), (True, plan.backward))
            if name in orders
        )
        for plan in layer_scans(scan_order, depth)
    )


# Kept permutations serve training too, so they are never inference-mode tensors.
@lru_cache(maxsize=64)
@torch.inference_mode(False)
def scan_paths(paths: tuple[Path, ...], t: int, h: int, w: int) -> tuple[Tensor, Tensor]:
    """Which token every path reads when, and the way back: both (paths, t*h*w).

    Shared between calls: do not write to them. Raises as `token_permutation` does.
    """
    orders = [(token_permutation(name, t, h, w), turned) for name, turned in paths]
    read = [order.flip(0) if turned else order for order, turned in orders]
    return torch.stack(read), torch.stack([inverse_permutation(order) for order in read])
