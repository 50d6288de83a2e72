"""Hidden states of a MoMa: no CLS, four scans, and an untrained one that says it adds nothing."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from analysis.attribution.exact.token_map import MapQuestion, Subject
from analysis.attribution.method import AttributionError
from analysis.layers.token_grid import ClassFreeGrid, TokenGrid
from app.api import requested_selection
from app.components.layer_pictures import delta_picture, map_picture
from app.figures.hidden_states import evidence_figure, retention_figure
from app.figures.layer_facts import layer_facts
from app.figures.layer_matrix import matrix_view
from app.figures.layer_sentences import (
    evidence_sentence,
    map_sentence,
    matrix_sentence,
    state_sentence,
)
from app.layer_answers import (
    layer_maps,
    map_rows,
    map_settings,
    matrix_of_layer,
    memory_of_layer,
)
from app.layer_costs import map_ms, matrix_ms, press_words
from app.receptive_fields import receptive_fields
from app.session import Session, planned
from app.settings import Settings
from app.tabs.hidden_states_subject import Picked, picked, subject_of

GRID = ClassFreeGrid(2, 3, 4)
TOKEN = Subject("token", (1 * 8 + 3) * 8 + 5)


@pytest.fixture(scope="module")
def moma(mini):
    return replace(requested_selection(mini.clip, "moma_mini.untrained"), num_frames=2)


@pytest.fixture(scope="module")
def said(tmp_path_factory, moma):
    """A session whose MoMa says something: its last projections are no longer zero."""
    session = Session(Settings(cache_folder=tmp_path_factory.mktemp("moma")))
    generator = torch.Generator().manual_seed(0)
    with session.loaded(moma) as loaded, torch.no_grad():
        for modulator in loaded.model.modulators:
            for parameter in modulator.ssm.out_proj.parameters():
                parameter += 0.05 * torch.randn(parameter.shape, generator=generator)
    return session


def test_an_untrained_moma_says_that_it_adds_nothing(session, moma):
    found = layer_maps(session, moma, 4, MapQuestion(TOKEN))
    assert map_sentence(found.asked, found.readout, 1).startswith("Nothing: this layer adds")
    assert evidence_sentence(found.readout_evidence, "mean", 1).startswith("Nothing: this layer")
    matrix = matrix_of_layer(session, moma, 4)
    assert "this layer adds nothing" in matrix_view(matrix, 1) and matrix_sentence(matrix) == ""
    scans = layer_maps(session, moma, 4, MapQuestion(TOKEN, level="value"))
    assert scans.asked.completeness_error < 1e-4 and scans.asked.values.any()
    assert "strongest single source is itself" in map_sentence(scans.asked, "mean", 1)


def test_a_map_stands_on_the_patches_and_adds_up(said, moma):
    found = layer_maps(said, moma, 2, MapQuestion(TOKEN, score="signed_share"))
    asked = found.asked
    assert asked.completeness_error < 1e-4
    assert asked.values.sum() + asked.bias_share == pytest.approx(1, abs=1e-4)
    picture = map_picture(found, moma)
    assert picture["subject"] == {"kind": "token", "index": TOKEN.index}
    assert "row 4, column 6 of frame 2" in picture["title"]
    rows = map_rows(found)
    assert len(rows) == 2 * 8 * 8 and rows[TOKEN.index]["value"] == asked.values[1, 3, 5]
    assert map_settings(found, moma)["subject"] == "1,3,5"
    bars = evidence_figure(found.readout_evidence, 1).data
    assert [list(bar.x) for bar in bars] == [["1", "2"]] * 2
    words = evidence_sentence(found.readout_evidence, found.readout, 1)
    assert "No CLS token is scanned" in words and "frozen perceptrons" in words


def test_a_row_of_the_matrix_is_the_map_of_its_token(said, moma):
    """Without a CLS block; token by token."""
    matrix = matrix_of_layer(said, moma, 2)
    assert matrix.values.shape == (128, 128) and matrix.per_frame == 64
    asked = layer_maps(said, moma, 2, MapQuestion(TOKEN)).asked
    np.testing.assert_allclose(matrix.values[TOKEN.index], asked.values.flatten(), rtol=1e-3)
    assert matrix_view(matrix, 1).count("<path") == 2
    assert matrix_ms(moma) > 0


def test_memory_has_a_line_for_every_scan_and_no_gate(said, moma):
    memory = memory_of_layer(said, moma, 1)
    names = [line.name for line in retention_figure(memory, 1).data]
    assert names == [
        "Forward spatial first",
        "Forward temporal first",
        "Backward spatial first",
        "Backward temporal first",
    ]
    assert "the scans of this model have no gate" in layer_facts(memory)
    assert "CLS" not in state_sentence(memory)
    found = layer_maps(said, moma, 1, MapQuestion(TOKEN))
    assert delta_picture(memory, "backward", found, moma)["grid"] == {"t": 2, "h": 8, "w": 8}


def test_a_logit_share_is_refused_in_one_sentence(said, moma):
    with pytest.raises(AttributionError, match=r"^Frozen perceptrons .* choose another score\.$"):
        layer_maps(said, moma, 4, MapQuestion(TOKEN, score="logit_share"))


def test_vectors_of_a_mean_are_priced_and_refused_where_they_take_long(session, moma):
    """A pass of each scan for every of 128 channels, over 8 x 8 patches a frame, 64 x 8 states."""
    trained = replace(moma, model="moma_mini.camera")
    config = planned(trained).config
    assert (config.width, config.inner, config.state_size) == (128, 64, 8)
    frame = MapQuestion(Subject("frame", 0))
    work = 128 * 4 * (2 * 8 * 8) * (64 * 8)
    assert map_ms(trained, frame) == pytest.approx(work / 2.5e5)
    assert map_ms(replace(trained, scan_order="spatial_first"), frame) == work / 2 / 2.5e5
    cheap = {"side": "receivers"}, {"level": "value"}, {"score": "signed_share"}, {"subject": TOKEN}
    assert not any(map_ms(trained, replace(frame, **change)) for change in cheap)
    assert map_ms(moma, frame) == 0  # untrained, it multiplies with nothing
    long = replace(trained, num_frames=64, image_size=256)
    with pytest.raises(AttributionError, match=r"^This map would take about .* as signed share"):
        layer_maps(session, long, 1, frame)
    assert press_words("m", 0, 9000).startswith("Press Trace for this map: about 9.00")
    assert press_words("m", 9000, 0).startswith("Press Trace to run m first: about 9.00")


def test_the_field_of_an_untrained_moma_stays_in_its_frame(session, moma):
    """Windows alone: no pixel of the other frame moves a token's features."""
    field = receptive_fields(session, moma, TOKEN)
    assert field.untrained is None and field.own.token == TOKEN.index
    assert field.own.pixels[0].max() == 0 < field.own.pixels[1].max()


def test_the_middle_patch_is_asked_about_where_no_cls_is_scanned():
    assert subject_of(None, GRID) == Subject("token", 12 + 4 + 2)
    assert subject_of(None, TokenGrid(2, 3, 4)) == Subject("readout")
    patch = Picked("token", 5)
    assert subject_of(patch, GRID) == Subject("token", 5)
    assert subject_of(patch, TokenGrid(2, 3, 4)) == Subject("token", 6)
    assert subject_of(Picked("token", 24), GRID) == subject_of(None, GRID)
    assert subject_of(Picked("token", -1), TokenGrid(2, 3, 4)) == Subject("readout")
    assert subject_of(Picked("frame", 1), GRID) == Subject("frame", 1)


def test_what_makes_no_sense_was_not_clicked():
    clicked = {"kind": "token", "index": 3}
    assert picked(SimpleNamespace(_data=clicked)) == Picked("token", 3)
    for data in (None, {"kind": "pixel", "index": 3}, {"kind": "token", "index": "3"}):
        assert picked(SimpleNamespace(_data=data)) is None
