"""Scores worked out by hand, and the same model judged through every path."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from analysis.models import model_config
from analysis.training.camera.camera_moves import CameraMoves
from analysis.training.camera.camera_path import CAMERA_MOVES
from analysis.training.camera.clip_files import ClipFormat, Picture, write_clip
from analysis.training.camera.data import CameraMaterial, CameraMovesData
from analysis.training.camera.evaluation import score_files, score_footage
from analysis.training.camera.photograph_material import photographs_hash
from analysis.training.scores import score
from analysis.training.source import RunShape

SMALL = ClipFormat(96, 64, 12, 1.0, 28)


class AlwaysStatic(nn.Module):
    """Answers class 0 for every clip."""

    config = model_config("videomamba_mini")

    def __init__(self):
        super().__init__()
        self.answer = nn.Parameter(torch.eye(len(CAMERA_MOVES))[:1])

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        assert clips.shape[1:] == (3, 8, 64, 64)
        return self.answer.expand(len(clips), -1)


def test_scores_are_counts():
    scores = score(CAMERA_MOVES, [0, 0, 1, 2], [0, 1, 1, 0])
    assert scores.clips == 4
    assert scores.accuracy == 2 / 4
    assert scores.confusion[0][:3] == (1, 1, 0)
    row = scores.as_dict()
    assert row["accuracy"] == 50.0
    assert row["accuracy_by_class"]["static"] == 50.0
    assert row["accuracy_by_class"]["pan right"] == 0.0
    assert row["accuracy_by_class"]["roll clockwise"] is None


def test_a_constant_answer_scores_its_class_only(store, photographs):
    files = score_files(
        AlwaysStatic(), CameraMoves(store), photographs, clips_per_class=1, formats=[SMALL]
    )
    assert list(files) == ["96x64 12 fps 1.0 s"]
    for scores in files.values():
        assert scores.accuracy == pytest.approx(1 / 9)
        assert all(row[0] == sum(row) for row in scores.confusion)


def test_footage_is_filmed_while_it_plays(store, photographs, tmp_path):
    generator = np.random.default_rng(0)
    picture = Picture(photographs[0].pixels)
    video = tmp_path / "footage.mp4"
    form = ClipFormat(320, 240, 10, 1.0)
    clip = CameraMoves(store).imagine(0, generator, 0.0, form.extent)
    write_clip(video, clip, lambda time: picture, lambda number: picture, form, generator)
    scores = score_footage(AlwaysStatic(), [video], clips_per_class=1, form=SMALL)
    assert scores["footage"].clips == 9


@pytest.fixture
def material(photographs):
    return CameraMaterial(CameraMovesData(held_out_share=0.5), photographs)


RUN = RunShape(seed=0, batch_size=8, steps=10, num_frames=8, image_size=64)


def test_the_report_has_all_three_parts(material):
    report = material.evaluate(
        AlwaysStatic(), RUN, rendered_clips=9, clips_per_class=1, formats=[SMALL]
    )
    assert report["accuracy"] == report["rendered"]["accuracy"] == pytest.approx(11.11)
    assert report["rendered"]["clips"] == 9
    assert report["files"]["clips"] == 9
    assert report["files"]["accuracy"] == pytest.approx(11.11)
    assert report["footage"] == {}
    assert "11.11 % on 9 clips read back" in report["accuracy_note"]


def test_training_never_sees_held_out_photographs_and_batches_come_again(material):
    sides = material.training_photographs, material.held_out_photographs
    training, held_out = ({photograph.name for photograph in side} for side in sides)
    assert training and held_out and not training & held_out
    source = material.training(RUN)
    assert torch.equal(source.batch(3).clips, source.batch(3).clips)
    assert not torch.equal(source.batch(3).clips, source.batch(4).clips)
    other = material.training(replace(RUN, rank=1))
    assert not torch.equal(source.batch(3).clips, other.batch(3).clips)
    first, again = (list(material.held_out(RUN, 20)) for _ in range(2))
    assert sum(len(batch) for batch in first) == 20
    assert torch.equal(first[0].clips, again[0].clips)


def test_the_hash_of_photographs_sees_names_and_pixels(photographs):
    assert photographs_hash(photographs) == photographs_hash(photographs)
    assert photographs_hash(photographs) != photographs_hash(photographs[::-1])
