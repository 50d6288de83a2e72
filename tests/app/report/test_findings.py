"""What a report finds: all that is known, what is quick, and nothing that is long."""

from dataclasses import replace

import pytest

from analysis.weights import list_weights
from app.adaptor_models import AdaptorSetting
from app.moma_models import MomaSetting
from app.moma_runs import known_looks, moma_look
from app.report.commands import commands
from app.report.findings import gather
from app.report.page import report_page
from app.session import NOTED, Session
from app.settings import Settings


def test_everything_known_is_found(findings):
    assert {row["scan_order"] for row in findings.orders} == {"spatial_first", "temporal_first"}
    first, second = findings.classes
    assert first.explained == findings.asked and first.explained.is_top
    assert [one["method"] for one in first.maps] == ["saliency", "exact_last_layer"]
    assert {row["kind"] for row in first.curves} == {"deletion", "insertion"}
    assert len(first.curves) == 4 and {row["units"] for row in first.curves} == {"frames"}
    assert [one["method"] for one in second.maps] == ["saliency"] and not second.curves
    assert [one["name"] for one in findings.what_ifs] == ["reverse_time"]
    assert findings.timelines[0].windows and findings.layer.found.layer == 6
    assert findings.missing == ("5 of 7 scan orders",)
    (moma,), (adaptors,) = findings.momas, findings.adaptors
    assert moma.setting == MomaSetting() and len(moma.sampled.pixels) == 4
    assert adaptors.known.setting == AdaptorSetting() and len(adaptors.sampled.pixels) == 8
    assert (adaptors.known.look["layer"], adaptors.known.look["token"]) == (5, 40)
    assert adaptors.known.forgetting["layer"] == 5


def test_of_looks_at_adapters_the_latest_counts(tmp_path, selection, session, findings):
    """Whatever model the sidebar names; a clip that was not looked at has none."""
    earlier, later = MomaSetting(), MomaSetting(window="2")
    for setting in (earlier, later, earlier):
        moma_look(session, selection, setting)
    other = replace(selection, model="videomamba_mini.untrained", scan_order="spatial_first")
    ((look, setting),) = known_looks(session, other)
    assert setting == earlier and look.setting["window"] == "4"
    assert known_looks(session, replace(selection, num_frames=8)) == []
    ((_, again),) = known_looks(Session(session.settings), selection)
    assert again == earlier


def test_the_class_that_is_asked_for_comes_first(session, selection, findings):
    second = findings.classes[1].explained.index
    asked = gather(session, selection, second)
    assert asked.classes[0].explained.index == second
    assert asked.missing == findings.missing


def test_quick_parts_are_computed_and_the_rest_is_named(session, selection):
    other = replace(selection, scan_order="alternating")
    found = gather(session, other)
    assert found.answer.prediction.relation == "reordered" and found.layer is not None
    # An order's row does not depend on the order in which the answer is read.
    assert len(found.orders) == 2
    assert {"attribution maps", "deletion and insertion curves", "what ifs"} <= set(found.missing)


def test_nothing_long_is_computed(tmp_path, selection, monkeypatch):
    impatient = Session(Settings(cache_folder=tmp_path, patience_s=0))
    monkeypatch.setattr(impatient, "loaded", lambda *_: pytest.fail("a model was loaded"))
    found = gather(impatient, selection)
    assert found.answer is None and len(found.missing) == 9
    assert found.sampled.pixels.shape[0] == 4


def test_weights_that_are_not_here_are_said_to_be_missing(session, selection):
    card = next(card for card in list_weights() if card.hub_repo is not None and card.num_frames)
    found = gather(session, replace(selection, model=card.name, num_frames=8, image_size=64))
    assert card.file in found.not_here and found.answer is None


def test_notes_keep_the_latest_once_and_outlive_the_session(tmp_path):
    settings = Settings(cache_folder=tmp_path)
    session = Session(settings)
    for item in [*range(NOTED + 2), 3]:
        session.note("list", item)
    kept = [3, *(item for item in reversed(range(NOTED + 2)) if item != 3)][:NOTED]
    assert session.noted("list") == Session(settings).noted("list") == kept
    assert session.noted("another") == []


def test_vmamba_has_a_report_without_orders_or_an_opened_layer(tmp_path, selection):
    """Its card asks for pictures of 224; 32 are enough here."""
    own = replace(selection, model="vmamba_b1.untrained", num_frames=1, image_size=32)
    own = replace(own, scan_order="fixed")
    found = gather(Session(Settings(cache_folder=tmp_path, patience_s=60)), own)
    assert found.answer is not None and found.layer is None and found.orders == ()
    assert not any("scan orders" in words for words in found.missing)
    assert "scan order its own" in report_page(found)
    assert not any("--scan-order" in line or "compare-scans" in line for line in commands(found))
