"""A scan with memory: compiled, in chunks, and in plain loops."""

import pytest
import torch
import torch.nn.functional as F

from analysis.ops import memory_scan as module
from analysis.ops.memory_scan import memory_scan
from analysis.ops.scan_states import ScanInputs

F64 = torch.float64
WAYS = pytest.mark.parametrize("reverse", [False, True], ids=["forward", "backward"])


def problem(dtype=F64, reverse=False, batch=2, channels=6, length=5, states=3, sequences=2, taps=4):
    """Arguments of `memory_scan`; decays lie between a tenth and one."""
    generator = torch.Generator().manual_seed(0)

    def normal(*shape):
        return torch.randn(*shape, generator=generator, dtype=F64).to(dtype)

    rates = torch.rand(channels, states, generator=generator, dtype=F64).to(dtype)
    tokens = [normal(batch, channels, length) for _ in range(2)]
    choices = [normal(batch, states, length) for _ in range(2)]
    scan = ScanInputs(*tokens, -rates, *choices, normal(channels), normal(channels), reverse)
    shape = (batch, length, sequences, taps)
    index = torch.randint(0, length, shape, generator=generator)
    return scan, normal(channels), index, normal(*shape) / taps


def plain(scan, gamma, index, weights):
    """Token by token, channel by channel of a group."""
    batch, channels, length = scan.u.shape
    step = F.softplus(scan.delta + scan.delta_bias[:, None])
    y = torch.zeros_like(scan.u)
    for b in range(batch):
        state, states = torch.zeros_like(scan.A), [None] * length
        for i in reversed(range(length)) if scan.reverse else range(length):
            dt = step[b, :, i, None]
            state = torch.exp(dt * scan.A) * state + dt * scan.B[b, :, i] * scan.u[b, :, i, None]
            states[i] = state
        for i in range(length):
            memory = torch.zeros_like(scan.A)
            for channel in range(channels):
                s = channel * index.shape[2] // channels
                for j, weight in zip(index[b, i, s], weights[b, i, s], strict=True):
                    memory[channel] += weight * states[j][channel]
            enriched = states[i] + gamma[:, None] * memory
            y[b, :, i] = enriched @ scan.C[b, :, i] + scan.D * scan.u[b, :, i]
    return y


@WAYS
@pytest.mark.parametrize("states", [1, 3])
@pytest.mark.parametrize("length", [1, 5, 19])
def test_equal_to_plain_loops(length, states, reverse):
    case = problem(reverse=reverse, length=length, states=states)
    torch.testing.assert_close(memory_scan(*case), plain(*case), rtol=1e-10, atol=1e-10)


SIZES = pytest.mark.parametrize(
    "sizes",
    [
        {},
        {"channels": 1, "sequences": 1},
        {"channels": 200, "length": 40, "states": 2},
        {"channels": 64, "sequences": 1, "length": 17},
        {"channels": 24, "sequences": 8, "taps": 1, "length": 33, "states": 16},
        {"length": 1},
    ],
    ids=["small", "one_channel", "two_blocks", "whole_block", "eight_sequences", "one_token"],
)


@WAYS
@SIZES
def test_compiled_in_single_precision(monkeypatch, sizes, reverse):
    expected = memory_scan(*problem(reverse=reverse, **sizes))
    monkeypatch.setattr(module, "_memory_scan", None)
    with torch.no_grad():
        found = memory_scan(*problem(torch.float32, reverse, **sizes))
    torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=1e-4)


def gradients(case, function):
    """Of a loss that weighs every output differently, by the argument's name."""
    scan, gamma, index, weights = case
    names = ("u", "delta", "A", "B", "C", "D", "delta_bias")
    leaves = {name: getattr(scan, name).clone().requires_grad_() for name in names}
    leaves |= {"gamma": gamma.requires_grad_(), "weights": weights.requires_grad_()}
    scan = ScanInputs(**{name: leaves[name] for name in names}, reverse=scan.reverse)
    out = function(scan, leaves["gamma"], index, leaves["weights"])
    loss = torch.randn(out.shape, generator=torch.Generator().manual_seed(1), dtype=F64)
    out.backward(loss.to(out.dtype))
    return {name: leaf.grad.double() for name, leaf in leaves.items()}


@WAYS
@SIZES
def test_compiled_gradients(monkeypatch, sizes, reverse):
    expected = gradients(problem(reverse=reverse, **sizes), memory_scan)
    monkeypatch.setattr(module, "_memory_scan", None)
    found = gradients(problem(torch.float32, reverse, **sizes), memory_scan)
    for name, gradient in found.items():
        scale = float(expected[name].abs().max())
        torch.testing.assert_close(gradient, expected[name], rtol=0, atol=1e-5 * scale + 1e-9)


def test_compiled_reads_tensors_in_any_layout():
    scan, gamma, index, weights = problem(torch.float32, channels=70, length=20)
    tokens = {name: getattr(scan, name) for name in ("u", "delta", "B", "C")}
    turned = {k: v.transpose(1, 2).contiguous().transpose(1, 2) for k, v in tokens.items()}
    with torch.no_grad():
        found = memory_scan(ScanInputs(**{**vars(scan), **turned}), gamma, index, weights)
        # Channels of a wider tensor, as mixers hand over.
        wide = torch.cat([scan.u, scan.u], dim=1)[:, :70]
        other = memory_scan(ScanInputs(**{**vars(scan), "u": wide}), gamma, index, weights)
        expected = memory_scan(scan, gamma, index, weights)
    assert torch.equal(found, expected)
    assert torch.equal(other, expected)


@WAYS
@pytest.mark.parametrize("dtype", [F64, torch.float32], ids=["f64", "f32"])
def test_chunks_change_nothing(dtype, reverse):
    """With states in one piece, in single channels, and of some channels at once."""
    case = problem(dtype, reverse, channels=20, length=9)
    one_channel = 2 * 9 * 3 * dtype.itemsize
    whole = memory_scan(*case)
    for chunk_bytes in (1, one_channel, 3 * one_channel):
        found = memory_scan(*case, chunk_bytes=chunk_bytes)
        atol = 1e-12 if dtype == F64 else 1e-5
        torch.testing.assert_close(found, whole, rtol=0, atol=atol)


@pytest.mark.parametrize("chunk_bytes", [module.DEFAULT_CHUNK_BYTES, 3 * 2 * 9 * 3 * 8])
def test_states_at_once_stay_within_the_chunk(monkeypatch, chunk_bytes):
    seen, states = [], ScanInputs.states

    def spying(scan, channels):
        seen.append(states(scan, channels))
        return seen[-1]

    monkeypatch.setattr(ScanInputs, "states", spying)
    memory_scan(*problem(channels=20, length=9), chunk_bytes=chunk_bytes)
    assert max(x.numel() * x.element_size() for x in seen) <= chunk_bytes
    assert sum(x.shape[2] for x in seen) == 20


def test_the_kernel_is_not_run_where_its_states_exceed_the_chunk(monkeypatch):
    monkeypatch.setattr(module, "memory_scan_compiled", None)
    case = problem(torch.float32, length=9)
    with torch.no_grad():
        assert memory_scan(*case, chunk_bytes=9 * 3 * 64 * 4 - 1).isfinite().all()
        with pytest.raises(TypeError):
            memory_scan(*case, chunk_bytes=9 * 3 * 64 * 4)
    # A way back holds gradients of as many states besides.
    assert memory_scan(*case, chunk_bytes=2 * 9 * 3 * 64 * 4 - 1).isfinite().all()
    with pytest.raises(TypeError):
        memory_scan(*case, chunk_bytes=2 * 9 * 3 * 64 * 4)


@WAYS
def test_gradients_are_those_of_plain_loops(reverse):
    expected = gradients(problem(reverse=reverse), plain)
    for name, gradient in gradients(problem(reverse=reverse), memory_scan).items():
        torch.testing.assert_close(gradient, expected[name], rtol=1e-9, atol=1e-9)


def test_shapes_without_numbers():
    scan, gamma, index, weights = problem(torch.float32)
    fields = {k: v.to("meta") for k, v in vars(scan).items() if k != "reverse"}
    with torch.no_grad():
        found = memory_scan(
            ScanInputs(**fields), gamma.to("meta"), index.to("meta"), weights.to("meta")
        )
    assert found.is_meta
    assert found.shape == scan.u.shape
