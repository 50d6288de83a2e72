"""Clips drawn from made-up motions."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from analysis.training.camera.photograph_store import PhotographStore
from analysis.training.camera.photographs import Photograph
from analysis.training.errors import RecipeError
from analysis.training.motion_capture.data import MotionCaptureData, MotionCaptureMaterial
from analysis.training.motion_capture.motion_capture import MotionCapture
from analysis.training.motion_capture.motions import ACTIONS, MotionCaptureError, load_motions
from analysis.training.source import RunShape

GREEN = np.full((200, 300, 3), (0, 255, 0), np.uint8)
RUN = RunShape(seed=3, batch_size=6, steps=100, num_frames=4, image_size=32)


@pytest.fixture(scope="module")
def before_green(motions) -> MotionCapture:
    store = PhotographStore.build([Photograph("green.png", GREEN)])
    return MotionCapture(motions, "training", num_frames=4, image_size=48, photographs=store)


def test_a_batch_has_every_class_equally_often(before_green):
    pixels, labels = before_green.batch_of(30, np.random.default_rng(0))
    assert pixels.shape == (30, 4, 48, 48, 3) and pixels.dtype == np.uint8
    assert labels.dtype == np.int64
    assert np.bincount(labels).tolist() == [2] * len(ACTIONS)


def test_the_person_is_in_front_of_the_photograph(before_green):
    pixels, _ = before_green.batch_of(15, np.random.default_rng(1), difficulty=0.0)
    person = pixels[..., 0] > 30
    share = person.mean(axis=(2, 3))
    assert (share > 0.04).all() and (share < 0.4).all()
    rows, columns = np.indices((48, 48))
    for frame in person.reshape(-1, 48, 48):
        assert abs(columns[frame].mean() - 23.5) < 5
        assert abs(rows[frame].mean() - 23.5) < 10


def test_easy_clips_of_a_glider_stand_still_in_the_picture(before_green):
    """Without lag the camera follows, so only perspective could change anything: it does not."""
    pixels, _ = before_green.batch_of(15, np.random.default_rng(2), difficulty=0.0)
    assert np.abs(pixels[:, 1:].astype(int) - pixels[:, :1]).max() <= 1


def test_the_same_generator_draws_the_same_clips_in_any_thread(before_green):
    def draw(seed):
        return before_green.batch_of(4, np.random.default_rng(seed))

    one_by_one = [draw(seed) for seed in range(6)]
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(draw, range(6)))
    for (pixels, labels), (others, other_labels) in zip(one_by_one, together, strict=True):
        np.testing.assert_array_equal(pixels, others)
        np.testing.assert_array_equal(labels, other_labels)


def test_made_backdrops_differ_between_splits(motions):
    training, held_out = (MotionCapture(motions, s).backdrops for s in ("training", "held_out"))
    assert len(training) == len(held_out)
    assert not np.array_equal(training.texels, held_out.texels)


def test_unknown_splits_are_named(motions):
    with pytest.raises(ValueError, match=r'Got split "test"; use one of training, held_out\.'):
        MotionCapture(motions, "test")


def test_a_step_is_the_same_whenever_it_is_asked_for(motions):
    material = MotionCaptureMaterial(MotionCaptureData(), motions)
    first, again = material.training(RUN), material.training(RUN)
    later = first.batch(7)
    assert later.clips.shape == (6, 3, 4, 32, 32)
    first.batch(8)
    assert again.batch(7).clips.equal(later.clips)
    assert not first.batch(8).clips.equal(later.clips)
    other = RunShape(seed=3, batch_size=6, steps=100, num_frames=4, image_size=32, rank=1, world=2)
    assert not material.training(other).batch(7).clips.equal(later.clips)


@pytest.mark.parametrize("hardest", [1.0, 0.4])
@pytest.mark.parametrize(("step", "share"), [(0, 0.0), (15, 0.5), (30, 1.0), (99, 1.0)])
def test_clips_grow_harder_up_to_the_hardest_asked_for(motions, monkeypatch, step, share, hardest):
    asked = []
    drawn = MotionCapture.batch_of

    def batch_of(clips, size, generator, difficulty):
        asked.append(difficulty)
        return drawn(clips, size, generator, difficulty)

    monkeypatch.setattr(MotionCapture, "batch_of", batch_of)
    data = MotionCaptureData(easy_share=0.3, hardest=hardest)
    MotionCaptureMaterial(data, motions).training(RUN).batch(step)
    assert asked == [pytest.approx(share * hardest)]


@pytest.mark.parametrize("wrong", [{"easy_share": 1.0}, {"hardest": 1.5}], ids=str)
def test_settings_out_of_range_are_named(wrong):
    (name,) = wrong
    with pytest.raises(RecipeError, match=f"data.{name} is {wrong[name]}; it has to be"):
        MotionCaptureData(**wrong)


def test_held_out_clips_are_the_same_at_every_call(motions):
    material = MotionCaptureMaterial(MotionCaptureData(), motions)
    first, again = (list(material.held_out(RUN, 100)) for _ in range(2))
    assert [len(batch) for batch in first] == [90, 10]
    for batch, other in zip(first, again, strict=True):
        assert batch.clips.equal(other.clips) and batch.targets.equal(other.targets)


def test_without_motions_one_sentence_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MotionCaptureError, match="which is not installed: run pip install"):
        load_motions(tmp_path, lambda message: None)
