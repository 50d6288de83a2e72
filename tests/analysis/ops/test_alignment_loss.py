"""Distances of a student from its teacher."""

import pytest
import torch
from safetensors.torch import load_file

from analysis.ops.alignment_loss import ALIGNMENT_LOSSES, alignment_loss


@pytest.mark.parametrize("case", ["pretrain_last1", "pretrain_last2"])
def test_the_distance_is_that_of_the_published_code(golden_folder, case):
    io = load_file(golden_folder / f"{case}.io.safetensors")
    loss = alignment_loss(io["output"], io["target"])
    torch.testing.assert_close(loss, io["align_loss_l2"], rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", ALIGNMENT_LOSSES)
def test_distances_worked_out_by_hand(kind):
    predicted, aims = torch.tensor([[[[1.0, 0.0]]]]), torch.tensor([[[[0.6, 0.8]]]])
    # cos is 0.6; differences are 0.4 and -0.8.
    expected = {
        "cosine": 2 - 2 * 0.6,
        "mse": (0.4**2 + 0.8**2) / 2,
        "smooth_l1": (0.4**2 / 2 + 0.8**2 / 2) / 2,
    }
    assert float(alignment_loss(predicted, aims, kind)) == pytest.approx(expected[kind])
