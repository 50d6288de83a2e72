"""Rows by order: remembered, measured anew on demand, and the model left as it was found."""

from itertools import islice
from pathlib import Path

import pytest

from analysis.video.limits import VideoError
from analysis.weights import WeightsError
from app.order_answers import estimated_ms, order_rows, planned_order_rows, unknown_orders
from app.selection import Selection
from app.session import Session
from app.settings import Settings

CLIP = Path(__file__).parents[2] / "data" / "clips" / "mocap_kick.mp4"
ORDERS = ("spatial_first", "temporal_first", "alternating")


@pytest.fixture
def session(tmp_path):
    return Session(Settings(cache_folder=tmp_path))


@pytest.fixture
def selection():
    return Selection(str(CLIP), "videomamba_mini.untrained", 8, 64, "alternating")


def test_rows_are_remembered_whatever_order_the_sidebar_has(session, selection, tmp_path):
    rows = list(order_rows(session, selection, ORDERS, anew=False))
    assert [row["scan_order"] for row in rows] == list(ORDERS)
    assert rows[0]["clip"] == "mocap_kick.mp4"
    other = Selection(selection.clip, selection.model, 8, 64, "spatial_first")
    assert unknown_orders(session, other, ORDERS) == []
    later = Session(Settings(cache_folder=tmp_path))
    assert list(order_rows(later, other, ORDERS, anew=False)) == rows


def test_recalled_rows_come_first_and_only_the_rest_is_run(session, selection, monkeypatch):
    (known,) = order_rows(session, selection, ["alternating"], anew=False)
    rows = list(order_rows(session, selection, ORDERS, anew=False))
    assert [row["scan_order"] for row in rows] == ["alternating", "spatial_first", "temporal_first"]
    assert rows[0] == known


def test_anew_measures_again(session, selection):
    (first,) = order_rows(session, selection, ["spatial_first"], anew=False)
    (second,) = order_rows(session, selection, ["spatial_first"], anew=True)
    assert second["latency_ms"] != first["latency_ms"]
    assert second["predictions"] == first["predictions"]


def test_others_are_served_between_orders_in_their_own_order(session, selection):
    rows = order_rows(session, selection, ORDERS, anew=True)
    for _ in islice(rows, 2):
        with session.loaded(selection) as loaded:
            assert loaded.model.scan_order == "alternating"
    rows.close()
    with session.loaded(selection) as loaded:
        assert loaded.model.scan_order == "alternating"
    assert unknown_orders(session, selection, ORDERS) == ["alternating"]


def test_planned_rows_need_no_weights(selection):
    rows = planned_order_rows(selection, ORDERS)
    assert [row["grid"] for row in rows] == [[4, 8, 8]] * 3
    assert {row["relation"] for row in rows} == {"untrained"}


def test_the_estimate_grows_with_the_orders_and_is_nothing_for_none(session, selection):
    assert estimated_ms(session, selection, 0) == 0
    assert 0 < estimated_ms(session, selection, 1) < estimated_ms(session, selection, 7)
    large = Selection(selection.clip, "videomamba_middle.untrained", 16, 224, "spatial_first")
    one_pass = session.estimate_ms(large)
    assert estimated_ms(session, large, 7) == pytest.approx(9 * one_pass)


def test_bad_settings_and_files_are_one_sentence(session, selection, tmp_path):
    odd = Selection(selection.clip, selection.model, 7, 64, "spatial_first")
    with pytest.raises(WeightsError, match="tubelets"):
        planned_order_rows(odd, ORDERS)
    broken = tmp_path / "broken.mp4"
    broken.write_text("not a video")
    unreadable = Selection(str(broken), selection.model, 8, 64, "spatial_first")
    with pytest.raises(VideoError):
        list(order_rows(session, unreadable, ORDERS, anew=False))
