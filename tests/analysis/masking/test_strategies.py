"""Which tokens each strategy hides: counts, rules, weights, and one sentence for what cannot be."""

import pytest
import torch

from analysis.layers.token_grid import TokenGrid
from analysis.masking.strategies import STRATEGIES, draw_masks
from analysis.ops.token_mask import MASKS, token_mask

GRID = TokenGrid(8, 14, 14)
HIDDEN = {
    "random": 1254,
    "tube": 1248,
    "clip_row": 1232,
    "frame_row": 1232,
    "attention": 1248,
    "block": 1248,
    "motion": 1248,
}


def seeded(number=0):
    return torch.Generator().manual_seed(number)


def drawn(name, grid=GRID, ratio=0.8, draws=16, seed=0, weights=None):
    if weights is None:
        weights = torch.rand(grid.t, grid.h * grid.w, generator=seeded(9))
    return draw_masks(name, grid, ratio, draws, seeded(seed), weights)


def frames(masks, grid=GRID):
    return masks[:, 1:].unflatten(1, (grid.t, grid.h, grid.w))


def test_the_published_ones_come_first_and_say_so():
    assert tuple(STRATEGIES)[: len(MASKS)] == MASKS
    assert [s.name for s in STRATEGIES.values() if not s.published] == ["block", "motion"]


@pytest.mark.parametrize("name", STRATEGIES)
def test_counts_at_the_published_setting(name):
    masks = drawn(name)
    assert masks.dtype == torch.bool and masks.shape == (16, 1569)
    assert not masks[:, 0].any()
    assert masks.sum(1).tolist() == [HIDDEN[name]] * 16


@pytest.mark.parametrize("name", STRATEGIES)
def test_draws_follow_the_generator(name):
    assert torch.equal(drawn(name), drawn(name))
    assert not torch.equal(drawn(name), drawn(name, seed=1))
    assert len(drawn(name).unique(dim=0)) == 16


@pytest.mark.parametrize("name", STRATEGIES)
@pytest.mark.parametrize("ratio", [0.0, 0.01, 0.5, 0.99])
def test_every_ratio_leaves_something_of_small_grids(name, ratio):
    masks = drawn(name, TokenGrid(2, 3, 5), ratio, draws=4)
    assert len(masks.sum(1).unique()) == 1
    assert not masks.all(1).any() and (ratio > 0 or not masks.any())


@pytest.mark.parametrize("name", MASKS)
def test_published_strategies_are_those_of_training(name):
    weights = torch.rand(8, 196, generator=seeded(9))
    expected = token_mask(name, (8, 14, 14), 0.8, 16, seeded(), weights.expand(16, -1, -1))
    assert torch.equal(drawn(name), expected)


def test_blocks_are_whole_regions_of_every_frame():
    """Far fewer edges between hidden and visible sites than single sites of the same count have."""
    blocks, tubes = (frames(drawn(name))[:, 0] for name in ("block", "tube"))
    assert (frames(drawn("block")) == blocks[:, None]).all()

    def edges(sites):
        down = (sites[:, 1:] ^ sites[:, :-1]).sum()
        return int(down + (sites[:, :, 1:] ^ sites[:, :, :-1]).sum())

    assert edges(blocks) < 0.4 * edges(tubes)


def test_motion_hides_what_moves_and_attention_keeps_what_is_seen():
    grid = TokenGrid(2, 4, 4)
    weights = torch.full((2, 16), 1e-9)
    weights[0, :8] = weights[1, 8:] = 1.0
    heavy = weights.view(2, 4, 4) == 1
    for masks, expected in (
        (drawn("motion", grid, 0.5, 50, weights=weights), heavy),
        (drawn("attention", grid, 0.5, 50, weights=weights), ~heavy),
    ):
        assert (frames(masks, grid) == expected).float().mean() > 0.98


def test_motion_draws_in_proportion():
    """One of two tokens: hidden with the share that its weight has of both."""
    weights = torch.tensor([[3.0, 1.0]])
    masks = drawn("motion", TokenGrid(1, 1, 2), 0.5, draws=8000, weights=weights)
    assert masks[:, 1].float().mean().item() == pytest.approx(0.75, abs=0.02)


def test_a_clip_without_motion_is_masked_at_random():
    still = drawn("motion", draws=200, weights=torch.zeros(8, 196))
    share = frames(still).float().mean(0)
    assert share.min() > 0.55 and share.max() < 0.95
    partly = torch.zeros(8, 196)
    partly[:, :10] = 1.0
    hidden = frames(drawn("motion", draws=100, weights=partly)).flatten(2)
    assert hidden[..., :10].all()
    assert hidden[..., 10:].float().mean(0).max() < 1


def test_each_clip_may_have_weights_of_its_own():
    weights = torch.zeros(2, 1, 16)
    weights[0, 0, :4] = weights[1, 0, 12:] = 1.0
    masks = draw_masks("motion", TokenGrid(1, 4, 4), 0.25, 2, seeded(), weights)
    assert masks[0, 1:5].all() and masks[1, 13:].all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "tubes"}, "no masking strategy 'tubes'.*tube"),
        ({"ratio": 1.0}, "mask ratio 1.0; choose one from 0 to below 1"),
        ({"draws": 0}, "at least one"),
        ({"weights": None}, r"motion needs motion \(t, h\*w\) = \(8, 196\), got none"),
        ({"weights": torch.ones(8, 195)}, r"got some of shape \(8, 195\)"),
        ({"weights": -torch.ones(8, 196)}, "not below 0"),
        ({"weights": torch.full((8, 196), torch.nan)}, "finite"),
    ],
    ids=str,
)
def test_what_cannot_be_drawn_is_one_sentence(change, message):
    asked = {"name": "motion", "ratio": 0.5, "draws": 1, "weights": torch.ones(8, 196)} | change
    with pytest.raises(ValueError, match=message):
        draw_masks(asked["name"], GRID, asked["ratio"], asked["draws"], seeded(), asked["weights"])
