"""Every quantity of one layer's two directions, recomputed from the tokens that entered its mixer.

At inference a mixer runs in kernels that keep nothing (`BidirectionalMixer._mix_at_once`), so hooks
see only what goes in and what comes out. What lies between follows from the input and the
parameters; a trace carries the output that the model really gave to be held against.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from analysis.layers.mixer import BidirectionalMixer
from analysis.layers.token_grid import TokenGrid
from analysis.ops.scan_order import LayerScan, inverse_permutation
from analysis.ops.selective_scan import selective_scan
from analysis.tracing.enrichment import Around, Enrichment, memory_of, surroundings_of
from analysis.tracing.token_positions import scan_positions

DIRECTIONS: tuple[str, str] = ("forward", "backward")
SUFFIXES: dict[str, str] = {"forward": "", "backward": "_b"}
"""What the names of a direction's parameters end in."""


@dataclass(frozen=True, eq=False)
class ScanTrace:
    """One direction of one layer in one token order (Mamba paper, section 3; B = 1 is left out).

    Everything that belongs to tokens is in canonical index order; `positions` leads to the order
    in which the recurrence reads. Shapes: L tokens, E inner channels, N states, K taps.

    direction: "forward" | "backward".
    share: weight of this scan in its direction, 1 / number of token orders the direction reads.
    positions: (L,) sequence index read at each step; `x[positions]` is what a causal recurrence
        sees, the backward direction reversed already.
    x: (L, E) inner tokens; c: (L, E) convolution output with bias, before SiLU; u: (L, E) after.
    dt: (L, E) step sizes after softplus, positive.
    A: (E, N) rates, negative; B, C: (L, N); D: (E,) skip weights.
    y: (L, E) scan output with the skip and with what adaptors add to it, before the gate.
    conv_weight: (E, K), the last tap meets the token itself; conv_bias: (E,).
    enrichment: what adaptors add to y; None without any.
    """

    token_order: str
    direction: str
    share: float
    positions: Tensor
    x: Tensor
    c: Tensor
    u: Tensor
    dt: Tensor
    A: Tensor
    B: Tensor
    C: Tensor
    D: Tensor
    y: Tensor
    conv_weight: Tensor
    conv_bias: Tensor
    enrichment: Enrichment | None = None

    @property
    def steps(self) -> Tensor:
        """(L,) step at which each token is read: the inverse of `positions`."""
        return inverse_permutation(self.positions)

    def elapsed(self) -> Tensor:
        """S: running sum of dt (L, E) in float64, along the scan (entry i belongs to step i).

        Single precision loses up to 0.2 % of a decay over a few thousand tokens.
        """
        return self.dt[self.positions].double().cumsum(0)


@dataclass(frozen=True, eq=False)
class LayerTrace:
    """One layer: what entered its mixer, every quantity within, and what really came out.

    layer: number from 0.
    residual: (L, D) the residual stream that the layer normalised (its block's input).
    tokens: (L, D) the normalised stream, input of the mixer.
    z: (L, E); gate: (L, E) = SiLU(z), shared by both directions.
    out_weight: (D, E) output projection (it has no bias), halved where directions are averaged.
    scans: forward ones first; a direction that reads several token orders has one scan for each.
    output: (L, D) of the mixer in the model's own forward pass. The block's output in the sense of
        a residual network is `residual + output`.
    """

    layer: int
    grid: TokenGrid
    residual: Tensor
    tokens: Tensor
    z: Tensor
    gate: Tensor
    out_weight: Tensor
    scans: tuple[ScanTrace, ...]
    output: Tensor

    def direction(self, name: str) -> tuple[ScanTrace, ...]:
        """The scans of "forward" or "backward"; their shares sum to 1."""
        return tuple(scan for scan in self.scans if scan.direction == name)

    def direction_output(self, name: str) -> Tensor:
        """y (L, E) of a direction: its scans averaged, before the gate."""
        return sum(scan.share * scan.y for scan in self.direction(name))

    @property
    def inner_output(self) -> Tensor:
        """y_f + y_b (L, E): both directions summed, before the gate."""
        return self.direction_output("forward") + self.direction_output("backward")

    def recomputed_output(self) -> Tensor:
        """Wo (gate * (y_f + y_b)) (L, D): `output` again, from the traced quantities."""
        return (self.gate * self.inner_output) @ self.out_weight.T


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
    inner, z = F.linear(tokens, _kept(mixer.in_proj.weight)).split(mixer.inner_width, dim=-1)
    return LayerTrace(
        layer=layer,
        grid=grid,
        residual=residual,
        tokens=tokens,
        z=z,
        gate=F.silu(z),
        out_weight=mixer.directions_share * _kept(mixer.out_proj.weight),
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
    conv, x_proj, dt_proj = (
        mixer.get_submodule(name + suffix) for name in ("conv1d", "x_proj", "dt_proj")
    )
    positions = scan_positions(token_order, direction, grid)
    steps = inverse_permutation(positions)
    weight, bias = _kept(conv.weight)[:, 0], _kept(conv.bias)
    c = convolve(inner[positions], weight, bias)[steps]
    u = F.silu(c)
    low_rank, B, C = F.linear(u, _kept(x_proj.weight)).split(
        [mixer.delta_rank, mixer.state_size, mixer.state_size], dim=-1
    )
    dt = F.softplus(F.linear(low_rank, _kept(dt_proj.weight), _kept(dt_proj.bias)))
    # The mixer itself rounds A_log to single precision, in float64 too.
    A = -torch.exp(_kept(mixer.get_parameter(f"A{suffix}_log")).float()).to(u.dtype)
    D = _kept(mixer.get_parameter(f"D{suffix}"))
    y = run_scan(u[positions][None], dt[positions], A, B[positions], C[positions], D)[:, steps]
    enrichment = None
    if mixer.adaptor_t is not None or mixer.adaptor_s is not None:
        memory = memory_of(mixer, grid, token_order, suffix, inner)
        enrichment = Enrichment(memory, around)
        y = enrichment(y, u[positions][None], dt[positions], A, B[positions], C, steps)
    return ScanTrace(
        token_order=token_order,
        direction=direction,
        share=share,
        positions=positions,
        x=inner,
        c=c,
        u=u,
        dt=dt,
        A=A,
        B=B,
        C=C,
        D=D,
        y=y[0],
        conv_weight=weight,
        conv_bias=bias,
        enrichment=enrichment,
    )


def convolve(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """The causal depthwise convolution of tokens in scan order (..., L, E); linear without bias.

    weight (E, K), bias (E,). Analysis spec, section 1, step 1.
    """
    taps = weight.shape[1]
    padded = F.pad(x, (0, 0, taps - 1, 0))
    length = x.shape[-2]
    out = sum(padded[..., k : k + length, :] * weight[:, k] for k in range(taps))
    return out if bias is None else out + bias


def run_scan(u: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor | None) -> Tensor:
    """The selective scan of u (G, L, E) with one dt (L, E), B and C (L, N) for all G inputs.

    Everything in scan order. With dt, B and C given it is linear in u. Returns (G, L, E).
    """
    batch = len(u)

    def shared(x: Tensor) -> Tensor:
        return x.T.expand(batch, -1, -1)

    y = selective_scan(u.transpose(1, 2), shared(dt), A, shared(B), shared(C), D)
    return y.transpose(1, 2)


def _kept(parameter: Tensor) -> Tensor:
    return parameter.detach().cpu()
