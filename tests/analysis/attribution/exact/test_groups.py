"""Groups, columns and matrices against dense matrices (analysis spec, sections 3 and 4)."""

import pytest
import torch

from analysis.attribution.exact.frozen_scan import Switches
from analysis.attribution.exact.groups import group_contributions
from analysis.attribution.exact.rows import row_contributions
from analysis.tracing.recorder import record
from analysis.tracing.token_positions import frame_groups

ORDERS = ("spatial_first", "temporal_first", "spatiotemporal_v1", "spatiotemporal_v2")


@pytest.fixture(scope="module", params=ORDERS)
def case(request, make_layer, make_dense):
    layer, record = make_layer(request.param)
    return layer, make_dense(record)


def test_frames_are_the_sums_of_their_tokens(case):
    layer, dense = case
    groups = frame_groups(layer.grid)
    found = group_contributions(layer, groups)
    pairs = dense.contributions(layer.out_weight)
    for group in range(layer.grid.t + 1):
        expected = pairs[:, :, groups == group].sum(2)
        torch.testing.assert_close(found.vectors[:, group], expected, rtol=1e-9, atol=1e-13)
    bias = (dense.gate * dense.bias) @ layer.out_weight.T
    torch.testing.assert_close(found.bias, bias, rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize("level", ["value", "pre_conv", "residual"])
def test_groups_of_a_partition_and_the_bias_add_up(case, level):
    layer, _ = case
    groups = torch.randint(4, (layer.grid.length,), generator=torch.Generator().manual_seed(3))
    found = group_contributions(layer, groups, level=level)
    total = layer.output if level == "residual" else layer.inner_output
    torch.testing.assert_close(
        found.vectors.sum((0, 1)) + found.bias.sum(0), total, rtol=1e-10, atol=1e-13
    )
    assert found.completeness_error < 1e-10
    assert (found.bias_share == 0) == (level == "value")


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_forward_is_a_lower_and_backward_an_upper_triangle(make_model, clip, dtype):
    """Section 2, alpha alone: exact zeros on one side, and none where a token has been read."""
    layer = record(make_model(dtype=dtype), clip.to(dtype)).layer(-1)
    every, alone = torch.arange(layer.grid.length), Switches(skip=False)
    parts = group_contributions(layer, every, level="value", switches=alone).vectors
    fed = parts.abs().amax(-1) > 0  # (2, sources, receivers)
    earlier = every[:, None] <= every[None]
    assert torch.equal(fed[0], earlier)
    assert torch.equal(fed[1], earlier.T)


@pytest.mark.parametrize("token", [0, 9, 18])
def test_a_column_is_what_every_row_says_of_its_source(case, token):
    layer, dense = case
    found = group_contributions(layer, (torch.arange(layer.grid.length) != token).long())
    column = found.vectors[:, 0]
    expected = dense.contributions(layer.out_weight)[:, :, token]
    torch.testing.assert_close(column, expected, rtol=1e-9, atol=1e-13)
    row = row_contributions(layer, 7)
    torch.testing.assert_close(column[:, 7], row.vectors[:, token], rtol=1e-9, atol=1e-13)
    assert found.completeness_error < 1e-10


def test_without_the_skip_a_group_loses_exactly_its_skip(make_layer):
    layer, _ = make_layer("spatial_first")
    groups = frame_groups(layer.grid)
    whole = group_contributions(layer, groups, level="value")
    less = group_contributions(layer, groups, level="value", switches=Switches(skip=False))
    removed = whole.vectors - less.vectors
    for number, scan in enumerate(layer.scans):
        for group in range(len(removed[number])):
            expected = scan.D * scan.u * (groups == group)[:, None]
            torch.testing.assert_close(removed[number, group], expected, rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize(
    "groups",
    [torch.zeros(18, dtype=torch.long), torch.zeros(19), torch.full((19,), -1)],
    ids=["too few", "not whole", "negative"],
)
def test_groups_that_are_no_partition(make_layer, groups):
    layer, _ = make_layer("spatial_first")
    with pytest.raises(ValueError, match="numbers from 0 of 19 tokens"):
        group_contributions(layer, groups)


def test_no_tensor_of_all_pairs_and_channels_is_made(monkeypatch):
    """The frame map of 1025 tokens: no allocation comes near L x L x E numbers."""
    from torch.utils._python_dispatch import TorchDispatchMode

    from analysis.models import create_model

    class Largest(TorchDispatchMode):
        elements = 0

        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            out = function(*args, **(kwargs or {}))
            for tensor in out if isinstance(out, list | tuple) else [out]:
                if isinstance(tensor, torch.Tensor):
                    self.elements = max(self.elements, tensor.untyped_storage().nbytes() // 4)
            return out

    model = create_model("videomamba_debug", image_size=64)
    layer = record(model, torch.zeros(3, 4, 64, 64)).layer(0)
    length, inner = layer.z.shape
    with Largest() as largest:
        group_contributions(layer, frame_groups(layer.grid))
        row_contributions(layer, 500)
    assert largest.elements < 16 * length * inner < length * length * inner / 50
