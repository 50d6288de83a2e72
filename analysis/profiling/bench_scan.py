"""The selective scan beside its peers: mambapy's parallel scan and a sequential PyTorch scan."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from types import SimpleNamespace

import torch
import torch.nn.functional as F
from torch import Tensor

from analysis.ops.selective_scan import available_implementations, selective_scan
from analysis.tracing.interleaved import interleaved_timings

PASSES = ("forward", "forward_backward")
Scan = Callable[..., Tensor]


@dataclass(frozen=True)
class ScanTiming:
    """One row: an implementation, a pass, the sizes L, E and N, and its time in milliseconds."""

    implementation: str
    pass_: str
    length: int
    inner: int
    state: int
    median_ms: float
    fastest_ms: float
    runs: int
    largest_error: float

    def row(self) -> dict:
        """As JSON, with `pass` for `pass_`."""
        row = asdict(self)
        return {"implementation": row.pop("implementation"), "pass": row.pop("pass_"), **row}


def bench_scan(
    *,
    length: int = 3137,
    inner: int = 384,
    state: int = 16,
    rounds: int = 7,
    device: str = "cpu",
    passes: tuple[str, ...] = PASSES,
) -> list[ScanTiming]:
    """Times every fused implementation that runs here, and the peers, on the same tensors.

    The peers are mambapy's parallel scan and one step after another in PyTorch. Float32, batch 1,
    softplus and skip included, no gate; every turn begins with an unmeasured run. `largest_error`
    is the largest difference of the output from the naive scan in float64, over its largest value.
    """
    inputs = _inputs(length, inner, state, device)
    scans = _scans(inputs[0])
    reference = _naive(*(x.double() for x in inputs)).detach()
    timings = []
    for pass_ in passes:
        calls = {name: _call(scan, inputs, pass_) for name, scan in scans.items()}
        for name, timing in interleaved_timings(calls, rounds=rounds, settle=True).items():
            with torch.no_grad():
                difference = (scans[name](*inputs) - reference).abs().max() / reference.abs().max()
            timings.append(
                ScanTiming(
                    name,
                    pass_,
                    length,
                    inner,
                    state,
                    timing.median_ms,
                    timing.fastest_ms,
                    timing.runs,
                    difference.item(),
                )
            )
    return timings


def _inputs(length: int, inner: int, state: int, device: str) -> tuple[Tensor, ...]:
    """u, delta (before softplus), A, B, C, D; tokens as the models hold them, (B, L, channels)."""
    generator = torch.Generator().manual_seed(0)

    def tokens(channels: int) -> Tensor:
        return torch.randn(1, length, channels, generator=generator)

    rates = -torch.arange(1, state + 1, dtype=torch.float32).repeat(inner, 1)
    delta = tokens(inner) - 2
    tensors = (tokens(inner), delta, rates, tokens(state), tokens(state), torch.ones(inner))
    return tuple(tensor.to(device) for tensor in tensors)


def _scans(u: Tensor) -> dict[str, Scan]:
    scans = {name: _ours(name) for name in available_implementations(u) if name != "naive"}
    scans["sequential_pytorch"] = _sequential
    try:
        from mambapy.mamba import MambaBlock
    except ImportError:
        return scans
    scans["mambapy"] = _mambapy(MambaBlock.selective_scan)
    return scans


def _ours(implementation: str) -> Scan:
    def scan(u, delta, A, B, C, D):
        u, delta, B, C = (x.transpose(1, 2) for x in (u, delta, B, C))
        y = selective_scan(u, delta, A, B, C, D, delta_softplus=True, implementation=implementation)
        return y.transpose(1, 2)

    return scan


_naive = _ours("naive")


def _sequential(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor) -> Tensor:
    """What a PyTorch programmer would write: everything at once except the recurrence itself.

    `unbind` keeps its backward linear in L; slices (as in mambapy's own sequential scan) would
    each hand back a gradient of full length.
    """
    delta = F.softplus(delta)
    decays = torch.exp(delta.unsqueeze(-1) * A).unbind(1)
    writes = ((delta * u).unsqueeze(-1) * B.unsqueeze(2)).unbind(1)
    states = [writes[0]]
    for decay, write in zip(decays[1:], writes[1:], strict=True):
        states.append(decay * states[-1] + write)
    return (torch.stack(states, 1) @ C.unsqueeze(-1)).squeeze(-1) + D * u


def _mambapy(method: Callable) -> Scan:
    """A scan method of mambapy's block on our tensors; it expects delta after softplus."""

    def scan(u, delta, A, B, C, D):
        sizes = SimpleNamespace(d_inner=A.shape[0], d_state=A.shape[1])
        return method(SimpleNamespace(config=sizes), u, F.softplus(delta), A, B, C, D)

    return scan


def _call(scan: Scan, inputs: tuple[Tensor, ...], pass_: str) -> Callable[[], object]:
    if pass_ == "forward":

        def forward():
            with torch.no_grad():
                scan(*inputs)

        return forward
    leaves = [x.clone().requires_grad_() for x in inputs]
    weights = torch.linspace(-1, 1, inputs[0].numel(), device=inputs[0].device)

    def forward_backward():
        y = scan(*leaves)
        torch.autograd.grad(y, leaves, weights.view_as(y))

    return forward_backward
