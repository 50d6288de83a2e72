from dataclasses import replace

import numpy as np
import pytest
import torch

from analysis.prediction import (
    predict_clip,
    predict_timeline,
    predict_views,
    rank_labels,
    read_clip,
    relation,
)
from analysis.prediction.sampled_clip import frame_rule
from analysis.video.limits import VideoError
from analysis.video.preprocess import to_clip
from analysis.video.sampling import multi_view
from analysis.weights import load_model


@pytest.fixture(scope="module")
def loaded():
    return load_model("videomamba_mini.untrained")


@pytest.fixture(scope="module")
def clip_path(clips_folder):
    return clips_folder / "mocap_walk.mp4"


def test_a_sampled_clip_shows_what_the_model_sees(loaded, clip_path):
    sampled = read_clip(clip_path, loaded)
    assert sampled.clip.shape == (3, 8, 64, 64)
    assert sampled.pixels.shape == (8, 64, 64, 3)
    again = to_clip(sampled.pixels, loaded.preprocessing)
    torch.testing.assert_close(again, sampled.clip, rtol=0, atol=1e-5)
    assert len(sampled.frame_indices) == len(sampled.frame_times_s) == 8
    assert sampled.name == "mocap_walk.mp4"


def test_the_answer_is_the_softmax_of_the_logits(loaded, clip_path):
    sampled = read_clip(clip_path, loaded)
    prediction = predict_clip(loaded, sampled, top=9)
    with torch.inference_mode():
        expected = loaded.model(sampled.clip[None])[0].softmax(-1)
    for entry in prediction.predictions:
        index = loaded.labels.index(entry.label)
        assert entry.probability == pytest.approx(expected[index].item(), abs=1e-6)
    ordered = [entry.probability for entry in prediction.predictions]
    assert ordered == sorted(ordered, reverse=True)
    assert sum(ordered) == pytest.approx(1, abs=1e-5)
    assert prediction.kernel == "cpu"
    assert prediction.training == prediction.relation == "untrained"
    assert prediction.latency_ms > 0


def test_views_average_probabilities(loaded, clip_path):
    views = multi_view(2, 3)
    prediction = predict_views(loaded, clip_path, views, top=9)
    total = 0
    for view in views:
        sampled = read_clip(clip_path, loaded, crop=view.crop, clip_index=view.clip_index, clips=2)
        with torch.inference_mode():
            total = total + loaded.model(sampled.clip[None])[0].softmax(-1)
    assert prediction.views == 6
    assert prediction.predictions[0].probability == pytest.approx(
        (total / 6).max().item(), abs=1e-6
    )


def test_an_image_model_reads_one_frame(clip_path):
    image_model = load_model("videomamba_image_tiny.untrained", image_size=64)
    prediction = predict_clip(image_model, read_clip(clip_path, image_model))
    assert prediction.num_frames == len(prediction.frame_indices) == 1


def test_timeline_covers_the_clip_and_reads_each_window(loaded, clip_path):
    windows = list(predict_timeline(loaded, clip_path, window_s=0.5, stride_s=0.25))
    assert windows[0].start_s == 0
    info = read_clip(clip_path, loaded).info
    assert windows[-1].end_s == pytest.approx(info.duration_s)
    for window in windows:
        times = window.prediction.frame_times_s
        assert window.start_s <= min(times)
        assert max(times) < window.end_s
    first = windows[1]
    sampled = read_clip(clip_path, loaded, start_s=first.start_s, end_s=first.end_s)
    assert sampled.frame_indices == first.prediction.frame_indices


def test_part_without_frames_is_one_sentence(loaded, clip_path):
    with pytest.raises(VideoError, match="has no frame between 900 s"):
        read_clip(clip_path, loaded, start_s=900.0)


@pytest.mark.parametrize(
    ("sampling", "clips", "expected"),
    [
        ("uniform", 1, [0, 3, 6, 9]),
        ("k400", 1, [1, 3, 5, 8]),  # segments of 9/4, each shifted by int(9/4/2) = 1
        ("ssv2", 1, [1, 3, 6, 8]),  # middles of segments of 2.5
    ],
)
def test_frame_rules(sampling, clips, expected):
    assert np.array_equal(frame_rule(sampling, 10, 4, clips=clips), expected)


def test_unknown_frame_rule():
    with pytest.raises(ValueError, match="choose uniform, k400, ssv2"):
        frame_rule("random", 10, 4)


def test_ranking_keeps_the_order_of_ties():
    ranked = rank_labels(torch.tensor([0.2, 0.4, 0.2, 0.2]), ("a", "b", "c", "d"), top=3)
    assert [entry.label for entry in ranked] == ["b", "a", "c"]


@pytest.mark.parametrize(
    ("training", "order", "expected"),
    [
        ("trained", "spatial_first", "trained order"),
        ("toy", "alternating", "reordered"),
        ("untrained", "spatial_first", "untrained"),
        ("zero-shot", "spatial_first", "untrained"),
    ],
)
def test_relation(training, order, expected):
    assert relation(training, order, "spatial_first") == expected


def test_a_note_about_the_file_travels_with_the_answer(loaded, clip_path):
    sampled = replace(read_clip(clip_path, loaded), note="The file was cut off.")
    assert predict_clip(loaded, sampled).note == "The file was cut off."
