"""The receptive field of a token on the page: whose it is, beside what, and what is said of it."""

from dataclasses import replace

import numpy as np
import pytest

from analysis.attribution.exact.token_map import Subject
from analysis.attribution.memory.receptive_field import receptive_field
from app.figures.receptive_field import field_sentence, field_view, frame_shares
from app.receptive_fields import receptive_fields


@pytest.fixture(scope="module")
def camera(session, mini):
    selection = replace(mini, model="videomamba_mini.camera")
    return receptive_fields(session, selection, Subject("frame", 1))


def test_a_frame_is_asked_through_its_middle_patch_in_two_models(session, mini, camera):
    token = 1 + 64 + 4 * 8 + 4
    assert camera.subject == Subject("token", token) == Subject("token", camera.own.token)
    assert camera.untrained.token == token
    for model, field in ((camera.model, camera.own), (mini.model, camera.untrained)):
        with session.loaded(replace(mini, model=model)) as loaded:
            clip = session.sampled(mini, loaded).clip
            again = receptive_field(loaded.model, [clip], token)
        np.testing.assert_allclose(field.pixels, again.pixels, rtol=1e-4)


def test_shares_of_frames_and_areas_stand_in_words(camera):
    shares = frame_shares(camera.own)
    assert shares.sum() == pytest.approx(1)
    by_hand = camera.own.pixels.sum((1, 2)) / camera.own.pixels.sum()
    np.testing.assert_allclose(shares, by_hand, rtol=1e-4)
    words = field_sentence(camera)
    assert words.startswith("Half of what moves the final features of row 5, column 5 of frames 3")
    assert f"Frame {int(shares.argmax()) + 1} holds the most" in words
    assert ("widened" in words) == (camera.own.area[0.5] > camera.untrained.area[0.5])


def test_two_rows_of_frames_one_where_nothing_is_trained(session, mini, camera):
    view = field_view(camera)
    assert view.count("<img") == 16 and "the same, untrained" in view
    alone = receptive_fields(session, mini, Subject("readout"))
    assert alone.untrained is None and field_view(alone).count("<img") == 8
    assert alone.own.token == 1 + 2 * 64 + 4 * 8 + 4


def test_an_image_model_has_one_frame(session, mini):
    image = replace(mini, model="videomamba_image_tiny.untrained", num_frames=1, image_size=32)
    fields = receptive_fields(session, image, Subject("readout"))
    assert fields.own.token == 0 and frame_shares(fields.own).tolist() == [1.0]
    assert field_view(fields).count("<img") == 1
    assert "the CLS token" in field_sentence(fields) and "Frame" not in field_sentence(fields)
