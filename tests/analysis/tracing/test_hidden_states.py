"""States against the scan's own last state and its output; the budget."""

import pytest
import torch

from analysis.models import create_model
from analysis.ops.selective_scan import selective_scan
from analysis.tracing.hidden_states import hidden_states, state_chunks
from analysis.tracing.recorder import record


@pytest.fixture(scope="module")
def layer():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = create_model("videomamba_debug", scan_order="spatiotemporal_v2").double()
        return record(model, torch.randn(3, 4, 16, 16, dtype=torch.float64)).layer(0)


def test_states_read_out_are_the_output(layer):
    for scan in layer.scans:
        read = scan.positions
        h = hidden_states(scan)
        y = (h * scan.C[read][:, None]).sum(-1) + scan.D * scan.u[read]
        torch.testing.assert_close(y, scan.y[read], rtol=1e-10, atol=1e-14)


def test_the_last_state_is_the_scan_s(layer):
    for scan in layer.scans:
        inputs = (x[scan.positions].T[None] for x in (scan.u, scan.dt))
        keys = (x[scan.positions].T[None] for x in (scan.B, scan.C))
        _, last = selective_scan(*inputs, scan.A, *keys, return_last_state=True)
        torch.testing.assert_close(hidden_states(scan, [len(scan.dt) - 1]), last)


@pytest.mark.parametrize("steps_a_chunk", [1, 7, 65, 1000])
def test_chunks_are_the_whole_cut_up(layer, steps_a_chunk):
    scan = layer.scans[1]
    chunk_bytes = steps_a_chunk * scan.A.numel() * 8
    chunks = list(state_chunks(scan, chunk_bytes=chunk_bytes))
    assert [first for first, _ in chunks] == list(range(0, 65, steps_a_chunk))
    assert max(len(chunk) for _, chunk in chunks) <= steps_a_chunk
    torch.testing.assert_close(torch.cat([chunk for _, chunk in chunks]), hidden_states(scan))


def test_steps_in_any_sequence(layer):
    scan = layer.scans[0]
    torch.testing.assert_close(hidden_states(scan, [40, 3, 3]), hidden_states(scan)[[40, 3, 3]])


def test_more_than_the_budget_is_one_sentence(layer):
    scan = layer.scans[0]
    needed = 65 * scan.A.numel() * 8
    assert len(hidden_states(scan, budget_bytes=needed)) == 65
    with pytest.raises(ValueError, match=f"need {needed} bytes, more than the budget"):
        hidden_states(scan, budget_bytes=needed - 1)
    assert len(hidden_states(scan, [0], budget_bytes=needed // 65)) == 1
    with pytest.raises(ValueError, match="steps 0 to 64"):
        hidden_states(scan, [65])
