"""Motion energy of tokens."""

import pytest
import torch

from analysis.layers.token_grid import TokenGrid
from analysis.masking.motion import motion_energy


def test_energy_stands_where_something_moves():
    """A bright patch that jumps by one token between frames 1 and 2 of four, tubelets of two."""
    clip = torch.zeros(3, 4, 8, 8)
    clip[:, :2, :4, :4] = 2.0
    clip[:, 2:, :4, 4:] = 2.0
    energy = motion_energy(clip, TokenGrid(2, 2, 2))
    # Each of the two tokens changes by 2 squared in one of the two frames of the second tubelet.
    assert energy.tolist() == [[0, 0, 0, 0], [2, 2, 0, 0]]


def test_energy_is_the_mean_squared_difference():
    clip = torch.randn(3, 6, 4, 6, generator=torch.Generator().manual_seed(0)).double()
    energy = motion_energy(clip, TokenGrid(6, 2, 3)).view(6, 2, 3)
    for t in range(6):
        before, now = (0, 1) if t == 0 else (t - 1, t)
        box = (clip[:, now, 2:, 4:] - clip[:, before, 2:, 4:]).square().mean()
        assert energy[t, 1, 2].item() == pytest.approx(box.item())


def test_a_single_frame_has_no_motion():
    assert not motion_energy(torch.randn(3, 1, 8, 8), TokenGrid(1, 2, 2)).any()


def test_a_clip_that_does_not_fit_is_one_sentence():
    with pytest.raises(
        ValueError, match="a clip of 4 frames of 9x8 pixels can't be cut into 2 x 2"
    ):
        motion_energy(torch.zeros(3, 4, 9, 8), TokenGrid(2, 2, 2))
