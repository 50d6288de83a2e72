"""Every quantity of one layer's scans, recomputed from the tokens that entered it.

At inference a mixer runs in kernels that keep nothing (`BidirectionalMixer._mix_at_once`), so hooks
see only what goes in and what comes out. What lies between follows from the input and the
parameters; a trace carries the output that the model really gave to be held against.

Here stand the traces and how a mixer is traced; `analysis.tracing.modulator_trace` does it for the
layers of MoMa.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from analysis.layers.mixer import BidirectionalMixer
from analysis.layers.token_grid import TokenGrid
from analysis.ops.scan_order import LayerScan
from analysis.tracing.enrichment import Around, Enrichment, memory_of, surroundings_of
from analysis.tracing.scan_trace import DIRECTIONS, ScanParameters, ScanTrace, kept, trace_scan
from analysis.tracing.token_positions import scan_positions

SUFFIXES: dict[str, str] = {"forward": "", "backward": "_b"}
"""What the names of a direction's parameters end in."""


@dataclass(frozen=True, eq=False)
class WayOut:
    """How the gated scans of a layer become what it adds to the residual stream, linear in them.

    Of y (L, E), gated, token t gets scale[t] * (weight y[t] + factor[t] * (factor_weight y[t])),
    and constant[t], which comes from no scan.

    weight: (D, E). scale: (L, 1), of a norm behind the scans, held at its value; None without.
    factor: (L, D) and factor_weight: (D, E), where scans say what tokens are multiplied with; None
    elsewhere. constant: (L, D), None for zero.
    """

    weight: Tensor
    scale: Tensor | None = None
    factor: Tensor | None = None
    factor_weight: Tensor | None = None
    constant: Tensor | None = None

    def __call__(self, y: Tensor, token: int | None = None) -> Tensor:
        """What y (..., L, E) gives to its tokens, or y (..., E) to `token`: (..., D)."""
        at = slice(None) if token is None else token
        y = y if self.scale is None else y * self.scale[at]
        given = y @ self.weight.T
        return (
            given if self.factor is None else given + self.factor[at] * (y @ self.factor_weight.T)
        )

    def bound(self, size: Tensor, token: int) -> Tensor:
        """(D,) what |y| of `size` (E,) gives to `token` at most."""
        scale = 1 if self.scale is None else self.scale[token]
        weight = self.weight
        if self.factor is not None:
            weight = weight + self.factor[token][:, None] * self.factor_weight
        return weight.abs() @ (size * scale)

    def back(self, direction: Tensor) -> Tensor:
        """(L, E) such that <direction[t], given[t]> = <back[t], y[t]>; direction (L, D)."""
        y = direction @ self.weight
        if self.factor is not None:
            y = y + (direction * self.factor) @ self.factor_weight
        return y if self.scale is None else y * self.scale


@dataclass(frozen=True, eq=False)
class LayerTrace:
    """One layer: what entered it, every quantity within, and what really came out.

    layer: number from 0. grid: where the tokens of the scans stand.
    residual: (L, D) the residual stream that the layer normalised (its block's input).
    tokens: (L, D) the normalised stream, input of the layer's first projection.
    z: (L, E) what the gate is made of, None in a layer without one; gate: (L, E), shared by all
        scans, 1 without one.
    way_out: from the gated scans to the residual stream.
    scans: forward ones first; a direction that reads several token orders has one scan for each,
        and a direction that is not read has none.
    output: (L, D) what the model's own forward pass added to the residual stream. The block's
        output in the sense of a residual network is `residual + output`.
    """

    layer: int
    grid: TokenGrid
    residual: Tensor
    tokens: Tensor
    z: Tensor | None
    gate: Tensor
    way_out: WayOut
    scans: tuple[ScanTrace, ...]
    output: Tensor

    @property
    def out_weight(self) -> Tensor:
        """(D, E) output projection, halved where directions are averaged."""
        return self.way_out.weight

    @property
    def directions(self) -> tuple[str, ...]:
        """Those of `DIRECTIONS` that are read."""
        return tuple(name for name in DIRECTIONS if self.direction(name))

    def direction(self, name: str) -> tuple[ScanTrace, ...]:
        """The scans of "forward" or "backward"."""
        return tuple(scan for scan in self.scans if scan.direction == name)

    def direction_output(self, name: str) -> Tensor:
        """y (L, E) of a direction: its scans with their shares, before the gate."""
        scans = (scan.share * scan.y for scan in self.direction(name))
        return sum(scans, start=torch.zeros_like(self.gate))

    @property
    def inner_output(self) -> Tensor:
        """(L, E): all scans with their shares, before the gate."""
        return self.direction_output("forward") + self.direction_output("backward")

    def recomputed_output(self) -> Tensor:
        """`output` (L, D) again, from the traced quantities."""
        given, constant = self.way_out(self.gate * self.inner_output), self.way_out.constant
        return given if constant is None else given + constant


@torch.inference_mode(False)
@torch.no_grad()
def trace_layer(
    mixer: BidirectionalMixer,
    grid: TokenGrid,
    scan: LayerScan,
    tokens: Tensor,
    output: Tensor,
    residual: Tensor,
    layer: int,
) -> LayerTrace:
    """The trace of a layer from what hooks saw: tokens, output and residual stream, each (L, D).

    Computed in the dtype of the mixer's parameters, on the CPU, without gradients.
    """
    inner, z = F.linear(tokens, kept(mixer.in_proj.weight)).split(mixer.inner_width, dim=-1)
    return LayerTrace(
        layer=layer,
        grid=grid,
        residual=residual,
        tokens=tokens,
        z=z,
        gate=F.silu(z),
        way_out=WayOut(mixer.directions_share * kept(mixer.out_proj.weight)),
        scans=tuple(_trace_scans(mixer, grid, scan, inner)),
        output=output,
    )


def _trace_scans(
    mixer: BidirectionalMixer, grid: TokenGrid, scan: LayerScan, inner: Tensor
) -> Iterator[ScanTrace]:
    around = surroundings_of(mixer, grid)
    for direction, orders in zip(DIRECTIONS, (scan.forward, scan.backward), strict=True):
        for order in orders:
            yield _trace_scan(mixer, grid, order, direction, 1 / len(orders), inner, around)


def _trace_scan(
    mixer: BidirectionalMixer,
    grid: TokenGrid,
    token_order: str,
    direction: str,
    share: float,
    inner: Tensor,
    around: Around | None,
) -> ScanTrace:
    suffix = SUFFIXES[direction]
    positions = scan_positions(token_order, direction, grid)
    scan = trace_scan(_parameters(mixer, suffix), inner, token_order, direction, positions, share)
    if mixer.adaptor_t is None and mixer.adaptor_s is None:
        return scan
    enrichment = Enrichment(memory_of(mixer, grid, token_order, suffix, inner), around)
    u, dt, B = (x[positions] for x in (scan.u, scan.dt, scan.B))
    y = enrichment(scan.y[None], u[None], dt, scan.A, B, scan.C, scan.steps)[0]
    return replace(scan, y=y, enrichment=enrichment)


def _parameters(mixer: BidirectionalMixer, suffix: str) -> ScanParameters:
    conv, x_proj, dt_proj = (
        mixer.get_submodule(name + suffix) for name in ("conv1d", "x_proj", "dt_proj")
    )
    # The mixer itself rounds A_log to single precision, in float64 too.
    A = -torch.exp(kept(mixer.get_parameter(f"A{suffix}_log")).float()).to(conv.weight.dtype)
    D = kept(mixer.get_parameter(f"D{suffix}"))
    return ScanParameters(conv, x_proj, dt_proj, A, D, "silu")
