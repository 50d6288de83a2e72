"""Masks: the counts and shapes of the published ones, and fair draws."""

import pytest
import torch
from safetensors.torch import load_file

from analysis.ops.token_mask import MASKS, token_mask

# Of 8 x 14 x 14 tokens at ratio 0.8, as measured on the published code.
PUBLISHED_COUNTS = {
    "random": 1254,
    "tube": 1248,
    "clip_row": 1232,
    "frame_row": 1232,
    "attention": 1248,
}
PUBLISHED_NAMES = {
    "random": "random",
    "tube": "tube",
    "random_row": "clip_row",
    "tube_row": "frame_row",
}


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def random_attention(grid, batch, seed=5):
    t, h, w = grid
    return torch.rand(batch, t, h * w, generator=seeded(seed)).softmax(-1)


def draw(name, grid, ratio, batch, seed=0):
    attention = random_attention(grid, batch) if name == "attention" else None
    return token_mask(name, grid, ratio, batch, seeded(seed), attention)


def check_structure(name, patches, grid, ratio):
    """What every mask of a kind has to look like; `patches` (B, t*h*w) without CLS."""
    t, h, w = grid
    frames = patches.view(-1, t, h, w)
    per_frame = frames.flatten(2).sum(2)
    if name == "random":
        assert (patches.sum(1) == int(ratio * t * h * w)).all()
    elif name == "tube":
        assert (frames == frames[:, :1]).all()
        assert (per_frame == int(ratio * h * w)).all()
    elif name == "attention":
        assert (per_frame == int(ratio * h * w)).all()
    else:
        assert (frames == frames[..., :1]).all()
        assert (patches.sum(1) == t * int(ratio * h) * w).all()
        if name == "frame_row":
            assert (per_frame == int(ratio * h) * w).all()


@pytest.mark.parametrize("name", MASKS)
def test_published_counts(name):
    mask = draw(name, (8, 14, 14), 0.8, 3)
    assert mask.shape == (3, 1569)
    assert mask.dtype == torch.bool
    assert not mask[:, 0].any()
    assert mask.sum(1).tolist() == [PUBLISHED_COUNTS[name]] * 3


@pytest.mark.parametrize("ratio", [0.0, 0.3, 0.5, 0.75, 0.99])
@pytest.mark.parametrize("grid", [(8, 14, 14), (4, 8, 8), (1, 3, 5), (3, 5, 2), (2, 1, 1)], ids=str)
@pytest.mark.parametrize("name", MASKS)
def test_structure(name, grid, ratio):
    mask = draw(name, grid, ratio, 4)
    assert not mask[:, 0].any()
    check_structure(name, mask[:, 1:], grid, ratio)


def test_published_masks_have_the_structure_that_is_checked(golden_folder):
    masks = load_file(golden_folder / "masks.io.safetensors")
    attention = masks.pop("attention.mask_r0.80")
    assert not attention[:, 0].any()
    check_structure("attention", attention[:, 1:], (8, 14, 14), 0.8)
    del masks["attention.attn"]
    assert len(masks) == 12
    for key, patches in masks.items():
        kind, sizes = key.split(".", 1)
        window, ratio = sizes.removeprefix("w").split("_r")
        grid = tuple(map(int, window.split("x")))
        check_structure(PUBLISHED_NAMES[kind], patches, grid, float(ratio))


def test_rows_of_a_clip_are_uneven_and_rows_of_frames_are_drawn_apart():
    frames = draw("clip_row", (8, 14, 14), 0.8, 4)[:, 1:].view(4, 8, 14, 14)
    assert frames.flatten(2).sum(2).unique().numel() > 1
    frames = draw("frame_row", (8, 14, 14), 0.8, 4)[:, 1:].view(4, 8, 14, 14)
    assert (frames != frames[:, :1]).any()


@pytest.mark.parametrize("name", MASKS)
def test_the_generator_decides_and_clips_differ(name):
    first, again, other = (draw(name, (4, 8, 8), 0.5, 4, seed) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert not torch.equal(first[0], first[1])


@pytest.mark.parametrize("name", ["random", "tube", "clip_row", "frame_row"])
def test_every_token_is_hidden_equally_often(name):
    share = draw(name, (2, 4, 3), 0.5, 20_000)[:, 1:].float().mean(0)
    # Five standard deviations of a mean of 20 000 draws.
    assert (share - 0.5).abs().max() < 5 * 0.5 / 20_000**0.5


def test_attention_keeps_as_weighted_draws_without_replacement_do():
    """Which pair of patches is kept, against the probabilities worked out from the weights."""
    weights = torch.tensor([0.5, 0.3, 0.2, 0.0])
    clips = 20_000
    attention = weights.expand(clips, 1, 4)
    kept = ~token_mask("attention", (1, 2, 2), 0.5, clips, seeded(), attention)[:, 1:]
    assert (kept.sum(1) == 2).all()
    assert not kept[:, 3].any()
    for a, b in ((0, 1), (0, 2), (1, 2)):
        p, q = float(weights[a]), float(weights[b])
        expected = p * q / (1 - p) + q * p / (1 - q)
        share = float((kept[:, a] & kept[:, b]).float().mean())
        assert share == pytest.approx(expected, abs=5 * 0.5 / clips**0.5)


def test_attention_of_each_frame_counts_for_that_frame():
    attention = torch.zeros(1, 2, 4)
    attention[0, 0, 0] = attention[0, 1, 3] = 1.0
    mask = token_mask("attention", (2, 2, 2), 0.75, 1, seeded(), attention)
    expected = [False, False, True, True, True, True, True, True, False]
    assert mask[0].tolist() == expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("rows", (2, 2, 2), 0.5, 1), "unknown mask 'rows'; choose one of random, tube"),
        (("tube", (2, 0, 2), 0.5, 1), "1 clips of 2 x 0 x 2 tokens"),
        (("tube", (2, 2, 2), 0.5, 0), "0 clips"),
        (("tube", (2, 2, 2), 1.0, 1), "mask ratio 1.0; choose one from 0"),
        (("attention", (2, 2, 2), 0.5, 1), r"= \(1, 2, 4\), got none"),
    ],
)
def test_impossible_masks_are_one_sentence(arguments, message):
    with pytest.raises(ValueError, match=message):
        token_mask(*arguments, seeded())


def test_attention_of_another_grid_is_one_sentence():
    with pytest.raises(ValueError, match=r"got attention of shape \(1, 2, 9\)"):
        token_mask("attention", (2, 2, 2), 0.5, 1, seeded(), torch.ones(1, 2, 9))
