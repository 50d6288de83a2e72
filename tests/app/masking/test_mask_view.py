"""What the browser is told of masks, and the words beside them."""

import base64

import numpy as np
import pytest

from analysis.layers.token_grid import TokenGrid
from analysis.masking.strategies import STRATEGIES
from app.components.mask_view import leading_order, mask_view
from app.figures.mask_words import count_words, mask_sentence, order_words, rule
from app.mask_runs import DrawnMasks, Guide, MaskSetting, drawn_masks
from app.theme import STRATEGY_COLORS, STRATEGY_NAMES

GRID = TokenGrid(2, 4, 4)


def drawn_by_hand(strategy: str = "frame_row", motion: float = 1.0) -> DrawnMasks:
    """Frame-row keeps the first row of both steps; every other strategy every second
    site of every second row."""
    rows = np.ones((1, 2, 4, 4), bool)
    rows[:, :, 0] = False
    dots = np.ones((1, 2, 4, 4), bool)
    dots[:, :, ::2, ::2] = False
    masks = {name: rows if name == "frame_row" else dots for name in STRATEGIES}
    flat = np.full((2, 4, 4), motion, np.float32)
    guides = {
        "attention": Guide(flat, "clip_mini.pictures", "toy", "Toy-trained here on pictures."),
        "motion": Guide(flat, "Frame difference", None, ""),
    }
    return DrawnMasks(GRID, MaskSetting(strategy, 0.8), masks, guides)


def unpacked(text: str, kind: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), kind)


def test_the_browser_gets_the_masks_and_the_orders_of_the_tables(session, mini):
    drawn = drawn_masks(session, mini, MaskSetting("attention", 0.6, 1))
    view = mask_view(drawn, session.sampled(mini), mini)
    assert view["grid"] == {"t": 4, "h": 8, "w": 8} and view["tubelet"] == 2
    for one in view["strategies"]:
        bits = np.unpackbits(unpacked(one["mask"], np.uint8))[:256].astype(bool)
        assert np.array_equal(bits.reshape(4, 8, 8), drawn.shown(one["name"]))
        assert one["color"] == STRATEGY_COLORS[one["name"]]
        assert bool(one["guide"]) == (one["name"] in ("attention", "motion"))
    assert [one["origin"] for one in view["strategies"]] == ["published"] * 5 + ["ours"] * 2
    paths = {one["name"]: unpacked(one["path"], "<u4") for one in view["orders"]}
    assert paths["spatial_first"].tolist() == list(range(256))
    assert paths["temporal_first"][:5].tolist() == [0, 64, 128, 192, 1]
    assert (view["chosen"], view["ratio"], view["seed"]) == ("attention", 0.6, 1)


@pytest.mark.parametrize(
    ("scan_order", "order"),
    [
        ("spatial_first", "spatial_first"),
        ("temporal_first", "temporal_first"),
        ("spatiotemporal_v2", "spatial_first"),
        ("half_temporal_half_spatial", "spatial_first"),
    ],
)
def test_the_order_shown_first_is_the_one_most_scans_read(scan_order, order):
    assert leading_order(scan_order, 6) == order


def test_counts_say_what_was_asked_for_and_what_came_of_it():
    assert count_words(drawn_by_hand(), "frame_row").replace("\u202f", " ") == (
        "80 % asked for, 75 % hidden: 8 of 32 tokens left"
    )


def test_rules_name_the_rounding_the_teacher_and_its_training():
    drawn = drawn_by_hand()
    assert "3 of 4 are hidden a frame." in rule(drawn, STRATEGIES["frame_row"])
    attention = rule(drawn, STRATEGIES["attention"])
    assert "clip_mini.pictures" in attention and "Toy-trained" in attention
    assert "squared difference" in rule(drawn, STRATEGIES["motion"])
    assert "Nothing moves" in rule(drawn_by_hand(motion=0.0), STRATEGIES["motion"])


def test_the_caption_says_what_rows_are_good_for_and_where_they_are_not():
    words = mask_sentence(drawn_by_hand(), "spatial_first", 4)
    assert "frame-row leaves runs of 4.00 tokens" in words and "random leaves 1.00" in words
    assert "Read temporal first, the same mask leaves 8.00" in words
    assert "real neighbours" in words and "86" in words
    dots = mask_sentence(drawn_by_hand("random"), "spatial_first", 4)
    assert "strangers: only 0" in dots and "frame-row leaves 4.00" in dots


def test_orders_say_whether_the_model_reads_them():
    assert order_words("spatial_first", 1.0).endswith("all of this model's scans")
    assert order_words("temporal_first", 0.0).endswith("none of this model's scans")
    assert "50" in order_words("temporal_first", 0.5)


def test_every_strategy_has_a_name_and_a_colour_of_its_own():
    assert set(STRATEGY_NAMES) == set(STRATEGY_COLORS) == set(STRATEGIES)
    assert len(set(STRATEGY_COLORS.values())) == len(STRATEGIES)
