"""Norm and rank of states."""

import pytest
import torch

from analysis.attribution.memory.state_content import effective_rank, state_content
from analysis.tracing.hidden_states import hidden_states


@pytest.mark.parametrize(
    ("singular", "rank"),
    [((1, 0, 0), 1), ((2, 2, 0), 2), ((3, 3, 3), 3), ((0, 0, 0), 0)],
    ids=["one", "two alike", "full", "empty"],
)
def test_rank_of_known_singular_values(singular, rank):
    u, _ = torch.linalg.qr(torch.randn(7, 3, generator=torch.Generator().manual_seed(0)))
    v, _ = torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(1)))
    state = u @ torch.diag(torch.tensor(singular, dtype=torch.float32)) @ v.T
    assert effective_rank(state).item() == pytest.approx(rank, abs=1e-3)


def test_rank_of_unequal_singular_values():
    """Energies 4/5 and 1/5."""
    state = torch.diag(torch.tensor([2.0, 1.0]))
    expected = (4 / 5) ** (-4 / 5) * (1 / 5) ** (-1 / 5)
    assert effective_rank(state).item() == pytest.approx(expected)


def test_content_of_a_scan(make_layer):
    for scan in make_layer("spatiotemporal_v2").scans:
        states = hidden_states(scan)
        found = state_content(scan, ranks=5)
        torch.testing.assert_close(found.norm, states.flatten(1).norm(dim=1))
        assert found.steps.tolist() == [0, 4, 9, 14, 18]
        torch.testing.assert_close(found.rank, effective_rank(states[found.steps]))
        # One token has written one product of a vector over channels and one over states.
        assert found.rank[0].item() == pytest.approx(1)
        assert (found.rank <= 3 + 1e-9).all()
