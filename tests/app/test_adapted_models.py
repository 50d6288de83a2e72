"""Weights of MoMa, of hosts with adaptors and of VMamba, in every tab: an answer or a sentence."""

from dataclasses import replace
from pathlib import Path

import pytest

from analysis.attribution.exact.token_map import MapQuestion, Subject
from analysis.ops.scan_order import FIXED_ORDER, SCAN_ORDERS
from analysis.weights import WeightsError, weights_card
from app.api import RequestError, requested_selection
from app.components.sidebar import frame_choices, order_choices, resolution_choices
from app.example_clips import list_examples
from app.layer_answers import layer_maps, memory_of_layer
from app.mask_runs import MaskSetting, drawn_masks
from app.order_answers import planned_order_rows
from app.permalink import link_parameters, read_link
from app.run_time import work_of
from app.session import Session, planned
from app.settings import Settings
from app.what_if_runs import WhatIf, check_what, middle_part
from tests.app.conftest import CLIPS

CLIP = next(CLIPS.glob("*.mp4"))
EVIDENCE = MapQuestion(Subject("readout"))


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    return Session(Settings(cache_folder=Path(tmp_path_factory.mktemp("cache"))))


def selection(model, clip=CLIP):
    return requested_selection(str(clip), f"{model}.untrained")


@pytest.mark.parametrize(
    ("model", "order", "frames"),
    [
        ("moma_mini", "spatiotemporal_v2", 8),
        ("videomamba_adaptor_mini", "spatial_first", 8),
        ("mamba_adaptor_b1", FIXED_ORDER, 1),
    ],
)
def test_the_setting_is_what_the_model_can_have(model, order, frames):
    asked, card = selection(model), weights_card(f"{model}.untrained")
    assert (asked.scan_order, asked.num_frames) == (order, frames)
    orders = [value for _, value in order_choices(card)]
    assert orders == ([FIXED_ORDER] if order == FIXED_ORDER else list(SCAN_ORDERS))
    assert (len(frame_choices(card)) == 1) == (frames == 1)
    sides = [side for _, side in resolution_choices(card)]
    assert asked.image_size in sides and not any(side % 4 for side in sides)
    assert planned(asked).config.image_size == asked.image_size


def test_orders_that_are_not_there_to_choose_are_refused():
    with pytest.raises(RequestError, match="has no scan order to choose; leave it out"):
        requested_selection(str(CLIP), "vmamba_tiny.untrained", scan_order="spatial_first")
    with pytest.raises(WeightsError, match="leaves no scan order to choose"):
        planned_order_rows(selection("vmamba_tiny"), SCAN_ORDERS)
    rows = planned_order_rows(selection("moma_mini"), SCAN_ORDERS)
    assert [row["interpretation"] for row in rows] == ["our reading"] * 7
    (row,) = planned_order_rows(selection("videomamba_adaptor_mini"), ["spatial_first"])
    assert row["interpretation"] == "published"


def test_links_carry_them():
    example = next(iter(list_examples())).path
    first = requested_selection(str(example), "videomamba_mini.camera")
    for model in ("vmamba_b1", "moma_mini"):
        asked = selection(model, example)
        link = link_parameters(asked, "cost", first, "predict")
        assert link["order"] == ""
        opened = read_link(link, first, ("predict", "cost"))
        assert (opened.selection, opened.complaints) == (asked, ())
    opened = read_link({"weights": "vmamba_b1.untrained", "order": "alternating"}, first, ())
    assert opened.selection.scan_order == FIXED_ORDER and len(opened.complaints) == 1


def test_hidden_states_have_what_adaptors_add(session):
    found = layer_maps(session, selection("videomamba_adaptor_mini"), 6, EVIDENCE)
    assert found.asked.completeness_error < 1e-4
    assert memory_of_layer(session, selection("videomamba_adaptor_mini"), 6).grid.t == 4


def test_tabs_that_cannot_open_a_model_say_so(session):
    moma, host = selection("moma_mini"), selection("videomamba_adaptor_mini")
    with pytest.raises(ValueError, match=r"Hidden attention opens the scans of .*, not VMamba"):
        layer_maps(session, selection("vmamba_tiny"), 1, EVIDENCE)
    with pytest.raises(ValueError, match="Masking leaves tokens out"):
        drawn_masks(session, moma, MaskSetting())
    what = WhatIf("knock_out", middle_part(planned(host).config.token_grid))
    with pytest.raises(ValueError, match="What if follows scans alone"):
        check_what(what, host)


def test_an_estimate_grows_with_the_clip():
    moma = selection("moma_mini")
    # 4 layers of 12 D^2 for each of 8 frames of 64 patches, and 4 modulations of 3 D E.
    per_token = 4 * 12 * 128**2 + 4 * 3 * 128 * 64
    assert work_of(moma) == per_token * 8 * 64
    assert work_of(replace(moma, num_frames=16)) == 2 * work_of(moma)
    # Stage k has 1/4^k of the tokens and 2 (4 + 1) D^2 a block.
    widths, depths = (48, 96, 192, 384), (2, 2, 8, 2)
    blocks = zip(widths, depths, range(4), strict=True)
    expected = 56**2 * sum(10 * d * w**2 / 4**k for w, d, k in blocks)
    assert work_of(selection("mamba_adaptor_b1")) == pytest.approx(expected)
