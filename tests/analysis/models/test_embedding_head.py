"""The linear head: what it is given, and what it learns from it."""

import torch

from analysis.models.embedding_head import make_head


def test_a_linear_layer_sees_directions_with_a_mean_square_of_one():
    head = make_head("linear", 64, 5).double()
    directions = torch.nn.functional.normalize(torch.randn(7, 64, dtype=torch.float64), dim=-1)
    seen = directions / directions.square().mean(-1, keepdim=True).sqrt()
    expected = seen @ head.weight.T + head.bias
    torch.testing.assert_close(head(directions), expected, rtol=0, atol=1e-12)
    assert set(head.state_dict()) == {"weight", "bias"}
