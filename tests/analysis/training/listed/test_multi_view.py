"""Evaluation over a list: views, averaging, scores, kept answers, files that fail."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from analysis.models import create_model, model_config
from analysis.training.listed.answer_rows import AnswerRows
from analysis.training.listed.evaluation import Answer, Evaluation
from analysis.training.listed.list_file import ListError, read_list
from analysis.training.listed.multi_view import Views, evaluate_list
from analysis.video.decode import read_frames
from analysis.video.preprocess import to_clip, video_preprocessing
from analysis.video.probe import probe
from analysis.video.sampling import k400_test_indices

VIEWS = Views(num_frames=4, preprocessing=video_preprocessing(16), clips=2, crops=3)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    model = create_model("videomamba_debug", num_classes=5, num_frames=4, image_size=16).eval()
    # Apart from the same answer to everything.
    nn.init.normal_(model.head.weight, std=2.0, generator=torch.Generator().manual_seed(0))
    return model


def expected_probabilities(model, path, start=0, count=None):
    """One view after the other, as the published test does it."""
    count = count or probe(path).frame_count
    views = []
    for clip in range(2):
        indices = start + k400_test_indices(count, 4, clip, 2)
        for crop in range(3):
            frames = read_frames(path, indices, short_side=16)
            with torch.inference_mode():
                logits = model(to_clip(frames, VIEWS.preprocessing, crop)[None])[0]
            views.append(torch.softmax(logits, -1).numpy())
    return np.mean(views, axis=0)


def test_answers_are_those_of_mean_probabilities(model, list_of, clips_folder):
    names = ("hand_cup.mp4", "mocap_walk.mp4", "bigbuckbunny.mp4")
    videos = read_list(list_of([f"{name} {n}" for n, name in enumerate(names)], classes=5))
    evaluation = evaluate_list(model, videos, VIEWS)
    for answer, name in zip(evaluation.answers, names, strict=True):
        order = np.argsort(-expected_probabilities(model, clips_folder / name)).tolist()
        assert answer.answer == order[0]
        assert answer.rank == 1 + order.index(answer.target)
    assert evaluation.as_dict()["views"] == "2 x 3"


def test_the_windows_of_a_line_are_views_of_one_video(model, list_of, clips_folder):
    config = list_of(
        ["mocap_walk.mp4 1 3"], format="lvu", classes=5, window_s=2.0, window_stride_s=1.0
    )
    videos = read_list(config)
    assert len(videos.entries) == 3
    (answer,) = evaluate_list(model, videos, VIEWS).answers
    path = clips_folder / "mocap_walk.mp4"
    windows = [(0, 50), (25, 50), (50, 25)]
    means = [expected_probabilities(model, path, start, count) for start, count in windows]
    assert answer.answer == int(np.mean(means, axis=0).argmax())


def test_values_are_averaged_and_squared(list_of):
    config = model_config("videomamba_debug", num_classes=1, num_frames=4, image_size=16)
    held = 0.25

    class Constant(nn.Module):
        def __init__(self):
            super().__init__()
            self.config, self.value = config, nn.Parameter(torch.tensor(held))

        def forward(self, clip):
            return self.value + torch.zeros(len(clip), 1)

    lines = ["mocap_walk.mp4 1.25 0 2", "mocap_kick.mp4 -1.75 0 1"]
    videos = read_list(list_of(lines, format="lvu_values"))
    evaluation = evaluate_list(Constant(), videos, VIEWS)
    assert [answer.answer for answer in evaluation.answers] == [held, held]
    assert evaluation.mean_squared_error == pytest.approx((1.0**2 + 2.0**2) / 2)
    shown = evaluation.as_dict()
    assert (shown["top1_percent"], shown["classes"], shown["confusion"]) == (None, [], None)


def test_scores_by_hand():
    answers = (
        Answer(1, 0, 0, 1),
        Answer(2, 0, 3, 2),
        Answer(3, 1, 1, 1),
        Answer(4, 5, 2, 6),
    )
    shown = Evaluation("list", tuple("abcdef"), 4, 3, answers, ()).as_dict()
    assert (shown["top1_percent"], shown["top5_percent"]) == (50.0, 75.0)
    assert shown["classes"][0] == {
        "label": "a",
        "videos": 2,
        "top1_percent": 50.0,
        "top5_percent": 100.0,
    }
    assert [row["videos"] for row in shown["classes"]] == [2, 1, 0, 0, 0, 1]
    assert shown["classes"][2]["top1_percent"] is None
    assert shown["confusion"] == [
        [1, 0, 0, 1, 0, 0],
        [0, 1, 0, 0, 0, 0],
        *[[0] * 6] * 3,
        [0, 0, 1, 0, 0, 0],
    ]
    assert json.loads(json.dumps(shown)) == shown


def test_of_five_classes_the_first_five_say_nothing():
    evaluation = Evaluation("list", tuple("abcde"), 1, 1, (Answer(1, 0, 1, 2),), ())
    assert evaluation.top5_percent is None


def test_bad_files_are_told_and_the_rest_is_answered(model, list_of, broken_clip):
    lines = ["mocap_kick.mp4 0", f"{broken_clip} 1", "nix.mp4 2", "mocap_kick.mp4 3"]
    videos = read_list(list_of(lines, classes=5, bad_share=0.5))
    heard = []
    evaluation = evaluate_list(model, videos, VIEWS, heard=heard.append)
    assert [answer.line for answer in evaluation.answers] == [1, 4]
    assert [problem.line for problem in evaluation.problems] == [2, 3]
    assert [row.line for row in heard] == [1, 2, 4]
    first, second = (problem["problem"] for problem in evaluation.as_dict()["problems"])
    assert first.startswith('Line 2: "broken.mp4" does not hold a video')
    assert second == "Line 3 names nix.mp4, which does not exist."


class Counting(nn.Module):
    """A model that counts how many clips it saw."""

    def __init__(self, model):
        super().__init__()
        self.model, self.config, self.clips = model, model.config, 0

    def forward(self, clip):
        self.clips += len(clip)
        return self.model(clip)


def test_a_stopped_evaluation_goes_on(model, five_clips, tmp_path):
    videos, path = read_list(five_clips), tmp_path / "answers.jsonl"
    whole = evaluate_list(model, videos, VIEWS, rows=AnswerRows(path, {"weights": "a"}))
    lines = path.read_text().splitlines(keepends=True)
    assert len(lines) == 6
    # Killed while the fourth line was being written.
    path.write_text("".join(lines[:3]) + lines[3][:9])
    counting = Counting(model)
    again = evaluate_list(counting, videos, VIEWS, rows=AnswerRows(path, {"weights": "a"}))
    assert again == whole
    assert counting.clips == 3 * 6
    assert path.read_text().splitlines(keepends=True) == lines


def test_files_that_failed_are_tried_again(model, list_of, tmp_path, clips_folder):
    late = tmp_path / "late.mp4"
    late.write_text("not copied yet")
    videos = read_list(list_of(["mocap_kick.mp4 0", f"{late} 1"], classes=5))
    rows = tmp_path / "answers.jsonl"
    first = evaluate_list(model, videos, VIEWS, rows=AnswerRows(rows, {}))
    assert len(first.problems) == 1
    late.write_bytes((clips_folder / "mocap_walk.mp4").read_bytes())
    second = evaluate_list(model, videos, VIEWS, rows=AnswerRows(rows, {}))
    assert [answer.line for answer in second.answers] == [1, 2]
    assert second.problems == ()


def test_answers_of_another_evaluation_are_not_mixed_in(tmp_path):
    path = tmp_path / "answers.jsonl"
    AnswerRows(path, {"weights": "a"})
    with pytest.raises(ListError, match=r"answers.jsonl holds answers of another evaluation"):
        AnswerRows(path, {"weights": "b"})


def test_answers_that_cannot_be_written(tmp_path):
    with pytest.raises(ListError, match="cannot be written"):
        AnswerRows(Path(tmp_path / "no folder" / "answers.jsonl"), {})


@pytest.mark.parametrize(
    ("line", "options", "sentence"),
    [
        ("mocap_kick.mp4 0", {"classes": 3}, "holds 3 classes, but the model has 5 outputs"),
        ("mocap_kick.mp4 0 0 1", {"format": "lvu_values"}, "holds one value per video, but"),
    ],
    ids=["classes", "values"],
)
def test_a_list_that_is_not_the_models(model, list_of, line, options, sentence):
    with pytest.raises(ListError, match=sentence):
        evaluate_list(model, read_list(list_of([line], **options)), VIEWS)


def test_answers_that_are_no_numbers(five_clips):
    broken = create_model("videomamba_debug", num_classes=5, num_frames=4, image_size=16).eval()
    nn.init.constant_(broken.head.bias, float("nan"))
    with pytest.raises(ListError, match="answer to line 1 is not a number"):
        evaluate_list(broken, read_list(five_clips), VIEWS)
