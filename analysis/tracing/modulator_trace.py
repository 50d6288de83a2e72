"""Every quantity of a state-space layer of MoMa, recomputed from the tokens it modulated.

What it adds to a token x is scale * x + bias, both read off the mean of its scans through a norm
and a projection. With the norm's denominator and x held at their values that is linear in the
scans, as a mixer's output is. Which activation, gate and norms there are is our reading of arXiv
2506.23283.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from analysis.layers.grid_scan import GridScan, Path, SelectiveScan
from analysis.layers.modulation import Modulation, Modulator
from analysis.layers.token_grid import ClassFreeGrid
from analysis.tracing.layer_trace import LayerTrace, WayOut
from analysis.tracing.scan_trace import ScanParameters, ScanTrace, kept, trace_scan
from analysis.tracing.token_positions import scan_positions


@dataclass(frozen=True, eq=False)
class ModulatorRecord:
    """What a hook saw of a state-space layer in one forward pass.

    paths: what the layer read then. residual: (L, D) the tokens it modulated. output: (L, D) what
    it added to them.
    """

    layer: int
    modulator: Modulator
    grid: ClassFreeGrid
    paths: tuple[Path, ...]
    residual: Tensor
    output: Tensor

    @torch.inference_mode(False)
    @torch.no_grad()
    def trace(self) -> LayerTrace:
        """Every quantity of the layer, with the parameters the model has now."""
        ssm = self.modulator.ssm
        norm = ssm.in_norm
        x = self.residual
        tokens = F.layer_norm(x, x.shape[-1:], kept(norm.weight), kept(norm.bias), norm.eps)
        inner, *z = F.linear(tokens, kept(ssm.in_proj.weight)).split(ssm.inner, dim=-1)
        gate = F.gelu(z[0]) if z else torch.ones_like(inner)
        scans = tuple(_forward_first(_trace_scans(ssm, self.paths, self.grid, inner)))
        summed = sum(scan.share * scan.y for scan in scans)
        return LayerTrace(
            layer=self.layer,
            grid=self.grid,
            residual=x,
            tokens=tokens,
            z=z[0] if z else None,
            gate=gate,
            way_out=_way_out(self.modulator, x, gate * summed),
            scans=scans,
            output=self.output,
        )


def added(modulation: Modulation) -> Tensor:
    """What a modulation added to its tokens, (B, t, h, w, D): scale * x + bias, or one of them."""
    x, scale, bias = modulation.x, modulation.scale, modulation.bias
    grown = 0 if scale is None else scale * x
    return grown if bias is None else grown + bias


def _trace_scans(
    ssm: GridScan, paths: tuple[Path, ...], grid: ClassFreeGrid, inner: Tensor
) -> Iterator[ScanTrace]:
    for order, turned in paths:
        direction = "backward" if turned else "forward"
        parameters = _parameters(ssm.scan_of((order, turned)))
        positions = scan_positions(order, direction, grid)
        yield trace_scan(parameters, inner, order, direction, positions, 1 / len(paths))


def _parameters(scan: SelectiveScan) -> ScanParameters:
    A, D = -torch.exp(kept(scan.A_log)), kept(scan.D)
    return ScanParameters(scan.conv1d, scan.x_proj, scan.dt_proj, A, D, "gelu")


def _forward_first(scans: Iterator[ScanTrace]) -> list[ScanTrace]:
    return sorted(scans, key=lambda scan: scan.direction == "backward")


def _way_out(modulator: Modulator, x: Tensor, gated: Tensor) -> WayOut:
    """From the gated mean of the scans, whose real value (L, E) fixes the norm's denominators."""
    norm, projection = modulator.ssm.merge_norm, modulator.ssm.out_proj
    weight, bias = kept(projection.weight), kept(projection.bias)
    constant = weight @ kept(norm.bias) + bias
    weight = weight * kept(norm.weight)
    weight = weight - weight.mean(1, keepdim=True)  # the norm takes the mean of channels away
    said = [*zip(weight.split(x.shape[-1]), constant.split(x.shape[-1]), strict=True)]
    grown = said.pop(0) if modulator.fusion.has_scale else None
    shifted = said.pop(0) if modulator.fusion.has_bias else (torch.zeros_like(grown[0]), 0)
    variance = gated.var(-1, correction=0, keepdim=True)
    return WayOut(
        weight=shifted[0],
        scale=torch.rsqrt(variance + norm.eps),
        factor=None if grown is None else x,
        factor_weight=None if grown is None else grown[0],
        constant=(shifted[1] if grown is None else grown[1] * x + shifted[1]).expand_as(x),
    )
