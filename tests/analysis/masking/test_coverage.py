"""Coverage, leakage and visible shares: worked out by hand, and counted token by token."""

import statistics

import pytest
import torch

from analysis.masking.coverage import (
    VisibleMass,
    coverage,
    temporal_leakage,
    visible_mass,
    visible_share,
)


def mask_of(*frames):
    """Frames as rows of words: # hides, . shows."""
    return torch.tensor([[[token == "#" for token in row] for row in frame] for frame in frames])


THREE_FRAMES = mask_of(["..#", "###"], ["###", "###"], ["#.#", "..."])


def test_three_frames_by_hand():
    found = coverage(THREE_FRAMES)
    assert (found.visible, found.by_frame) == (6, (2, 0, 4))
    assert (found.frame_mean, found.frame_min, found.empty_frames) == (2, 0, 1)
    assert found.frame_std == pytest.approx(statistics.pstdev([2, 0, 4]))
    assert found.by_site == ((1, 2, 0), (1, 1, 1))
    assert found.site_share == 5 / 6
    assert found.row_share == 3 / 6
    assert found.column_share == 5 / 9
    assert found.full_rows == 1 / 6


def test_leakage_by_hand():
    """Twelve are hidden. The middle frame sees two sites before it and four after, one of both."""
    assert temporal_leakage(THREE_FRAMES) == 5 / 12
    # Two frames away also 0,1,0 0,1,1 0,1,2 (seen in the last) and 2,0,0 (in the first).
    assert temporal_leakage(THREE_FRAMES, reach=2) == 9 / 12
    assert temporal_leakage(THREE_FRAMES, reach=50) == 9 / 12


@pytest.mark.parametrize("reach", [1, 2, 4])
@pytest.mark.parametrize("grid", [(1, 2, 3), (2, 3, 2), (5, 4, 3)], ids=str)
def test_leakage_matches_a_count_token_by_token(grid, reach):
    hidden = torch.rand(grid, generator=torch.Generator().manual_seed(reach)) < 0.7
    t, h, w = grid
    seen = [
        any(
            not hidden[other, row, column]
            for other in range(max(0, frame - reach), min(t, frame + reach + 1))
            if other != frame
        )
        for frame in range(t)
        for row in range(h)
        for column in range(w)
        if hidden[frame, row, column]
    ]
    assert temporal_leakage(hidden, reach) == pytest.approx(sum(seen) / len(seen))


def test_a_tube_leaks_nothing_and_nothing_hidden_has_no_leakage():
    assert temporal_leakage(mask_of([".#"], [".#"], [".#"])) == 0
    assert temporal_leakage(torch.zeros(2, 2, 2, dtype=torch.bool)) is None


def test_shares_of_motion_and_of_signed_maps_by_hand():
    hidden = mask_of([".#"], ["#."])
    motion = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert visible_share(hidden, motion) == 5 / 10
    assert visible_share(hidden, torch.zeros(2, 2)) is None
    attribution = torch.tensor([[[2.0, -1.0]], [[6.0, -3.0]]])
    assert visible_mass(hidden, attribution) == VisibleMass(2 / 8, 3 / 4, 5 / 12)
    assert visible_mass(hidden, attribution.clamp(min=0)).negative is None


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: coverage(torch.zeros(2, 5)), r"got \(2, 5\)"),
        (lambda: temporal_leakage(THREE_FRAMES, 0), "at least one frame away, got 0"),
        (lambda: visible_share(THREE_FRAMES, torch.ones(3, 5)), r"3 x 2 x 3 .* got \(3, 5\)"),
        (lambda: visible_share(THREE_FRAMES, -torch.ones(3, 6)), "not negative"),
        (lambda: visible_mass(THREE_FRAMES, torch.ones(2, 2, 3)), r"got \(2, 2, 3\)"),
    ],
    ids=["mask", "reach", "shape", "sign", "frames"],
)
def test_bad_input_is_one_sentence(call, message):
    with pytest.raises(ValueError, match=message):
        call()
