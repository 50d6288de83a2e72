"""The masks of a clip: drawn once for every section, and as they leave the page."""

import io

import numpy as np
import pytest
import torch

from analysis.masking.strategies import STRATEGIES
from analysis.ops.token_mask import token_mask
from app.errors import MaskRequestError
from app.mask_files import mask_rows, mask_settings, masks_npz
from app.mask_runs import MaskSetting, checked_setting, clip_guides, drawn_masks, guides_known
from app.selection import Selection

IMAGE = "videomamba_image_tiny.untrained"


@pytest.fixture
def drawn(session, mini):
    return drawn_masks(session, mini, MaskSetting(seed=3))


def test_every_strategy_draws_the_masks_of_its_seed_whatever_else_is_drawn(drawn):
    generator = torch.Generator().manual_seed(3)
    alone = token_mask("frame_row", (4, 8, 8), 0.8, 8, generator)[:, 1:]
    assert np.array_equal(drawn.masks["frame_row"], alone.view(8, 4, 8, 8).numpy())
    assert list(drawn.masks) == list(STRATEGIES)


@pytest.mark.parametrize(
    ("strategy", "visible"),
    [("random", 52), ("tube", 52), ("clip_row", 64), ("frame_row", 64), ("attention", 52)],
)
def test_counts_round_down_and_the_real_ratio_says_so(drawn, strategy, visible):
    assert drawn.visible(strategy) == visible
    assert drawn.real_ratio(strategy) == pytest.approx(1 - visible / 256)


def test_guides_are_kept_and_need_no_weights(session, mini):
    elsewhere = Selection(mini.clip, IMAGE, 1, 112, "alternating")
    assert not guides_known(session, elsewhere)
    guides = clip_guides(session, elsewhere)
    assert guides_known(session, elsewhere)
    assert guides["attention"].weights.shape == (1, 7, 7)
    assert guides["attention"].training == "toy" and guides["attention"].title
    assert not guides["motion"].weights.any()
    again = clip_guides(session, elsewhere)
    assert np.array_equal(again["attention"].weights, guides["attention"].weights)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (("rows", 0.8, 0), "There is no masking strategy 'rows'"),
        (("tube", 1.0, 0), "The ratio 1 cannot be drawn; choose 0 to 0.95"),
        (("tube", -0.1, 0), "The ratio -0.1 cannot be drawn"),
        (("tube", 0.8, -1), "The seed is -1"),
        (("tube", 0.8, 0.5), "The seed is 0.5"),
        (("tube", 0.8, None), "The seed is empty"),
    ],
)
def test_a_mask_that_cannot_be_drawn_is_one_sentence(asked, message):
    with pytest.raises(MaskRequestError, match=message):
        checked_setting(*asked)


def test_what_leaves_the_page_says_where_it_comes_from(drawn, mini):
    with np.load(io.BytesIO(masks_npz(drawn))) as saved:
        assert set(saved) == {*STRATEGIES, "attention_weights", "motion_weights"}
        assert np.array_equal(saved["tube"], drawn.shown("tube"))
        assert saved["motion_weights"].shape == (4, 8, 8)
    settings = mask_settings(drawn, mini)
    assert (settings["seed"], settings["ratio"], settings["grid"]) == (3, 0.8, [4, 8, 8])
    assert settings["teacher"] == "clip_mini.pictures" and settings["teacher_training"] == "toy"
    rows = {row["strategy"]: row for row in mask_rows(drawn)}
    assert rows["frame_row"]["mean_run_spatial_first"] >= 8
    assert rows["frame_row"]["nominal_ratio"] == 0.8 and rows["frame_row"]["real_ratio"] == 0.75
    assert rows["motion"]["published"] is False
