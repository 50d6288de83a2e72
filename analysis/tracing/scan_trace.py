"""Every quantity of one scan over a clip's tokens, recomputed from what its parameters read."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from analysis.ops.scan_order import inverse_permutation
from analysis.ops.selective_scan import selective_scan
from analysis.tracing.enrichment import Enrichment

DIRECTIONS: tuple[str, str] = ("forward", "backward")
ACTIVATIONS: dict[str, tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]] = {
    "silu": (F.silu, torch.sigmoid),
    "gelu": (F.gelu, torch.special.ndtr),
}
"""What stands between convolution and scan, and its factor: u = factor(c) * c."""


@dataclass(frozen=True, eq=False)
class ScanTrace:
    """One direction of one layer in one token order (Mamba paper, section 3; B = 1 is left out).

    Everything that belongs to tokens is in canonical index order; `positions` leads to the order
    in which the recurrence reads. Shapes: L tokens, E inner channels, N states, K taps.

    direction: "forward" | "backward".
    share: weight of this scan in what the layer goes on with: 1 / number of token orders that its
        direction reads, where directions are summed; 1 / number of all scans in MoMa.
    positions: (L,) sequence index read at each step; `x[positions]` is what a causal recurrence
        sees, the backward direction reversed already.
    x: (L, E) inner tokens; c: (L, E) convolution output with bias, before the activation; u:
        (L, E) after.
    dt: (L, E) step sizes after softplus, positive.
    A: (E, N) rates, negative; B, C: (L, N); D: (E,) skip weights.
    y: (L, E) scan output with the skip and with what adaptors add to it, before the gate.
    conv_weight: (E, K), the last tap meets the token itself; conv_bias: (E,).
    activation: one of `ACTIVATIONS`.
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
    activation: str
    enrichment: Enrichment | None = None

    @property
    def steps(self) -> Tensor:
        """(L,) step at which each token is read: the inverse of `positions`."""
        return inverse_permutation(self.positions)

    @property
    def slope(self) -> Tensor:
        """(L, E) the factor of the activation: u = slope * c."""
        return ACTIVATIONS[self.activation][1](self.c)

    def elapsed(self) -> Tensor:
        """S: running sum of dt (L, E) in float64, along the scan (entry i belongs to step i).

        Single precision loses up to 0.2 % of a decay over a few thousand tokens.
        """
        return self.dt[self.positions].double().cumsum(0)


@dataclass(frozen=True, eq=False)
class ScanParameters:
    """What a scan is made of: modules as the model has them, A (E, N) and D (E,) as it uses them.

    activation: one of `ACTIVATIONS`.
    """

    conv: nn.Conv1d
    x_proj: nn.Linear
    dt_proj: nn.Linear
    A: Tensor
    D: Tensor
    activation: str


def trace_scan(
    parameters: ScanParameters,
    inner: Tensor,
    token_order: str,
    direction: str,
    positions: Tensor,
    share: float,
) -> ScanTrace:
    """One scan over inner tokens (L, E) in canonical order (analysis spec, section 1)."""
    conv, dt_proj, A = parameters.conv, parameters.dt_proj, parameters.A
    steps = inverse_permutation(positions)
    weight, bias = kept(conv.weight)[:, 0], kept(conv.bias)
    c = convolve(inner[positions], weight, bias)[steps]
    u = ACTIVATIONS[parameters.activation][0](c)
    low_rank, B, C = F.linear(u, kept(parameters.x_proj.weight)).split(
        [dt_proj.in_features, A.shape[1], A.shape[1]], dim=-1
    )
    dt = F.softplus(F.linear(low_rank, kept(dt_proj.weight), kept(dt_proj.bias)))
    y = run_scan(u[positions][None], dt[positions], A, B[positions], C[positions], parameters.D)
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
        D=parameters.D,
        y=y[0, steps],
        conv_weight=weight,
        conv_bias=bias,
        activation=parameters.activation,
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


def kept(parameter: Tensor) -> Tensor:
    """A parameter as traces hold it: on the CPU, without gradients."""
    return parameter.detach().cpu()
