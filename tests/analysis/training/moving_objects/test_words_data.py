"""The words of a clip as targets, and how a model is scored by them."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from analysis.training.moving_objects import words_data
from analysis.training.moving_objects.composition import ATTRIBUTES, Composition
from analysis.training.moving_objects.words_data import (
    ObjectWordsData,
    ObjectWordsMaterial,
    attributes_right,
    word_targets,
)
from analysis.training.rendered_clips import held_out_batches
from analysis.training.source import Batch, RunShape
from analysis.video.labels import label_names

RUN = RunShape(seed=0, batch_size=6, steps=4, num_frames=4, image_size=32)
SHOWN = (
    Composition("star", "purple", "left and up", "zoom in"),
    Composition("circle", "red", "still", "static"),
)
WORDS = (
    {"star", "purple", "object left and up", "camera zoom in"},
    {"circle", "red", "object still", "camera static"},
)


class Remembers(nn.Module):
    """Answers with the targets it was made with, whatever it sees."""

    def __init__(self, targets):
        super().__init__()
        self.targets = nn.Parameter(targets)

    def forward(self, clips):
        return self.targets


def test_the_words_of_a_composition_share_the_target():
    labels = label_names("object_words")
    for target, words in zip(word_targets(SHOWN), WORDS, strict=True):
        assert {label for label, share in zip(labels, target, strict=True) if share > 0} == words
        assert target.unique().tolist() == [0.0, 0.25]
    assert len(labels) == sum(map(len, ATTRIBUTES.values()))


def test_each_attribute_is_scored_by_itself():
    targets = word_targets(SHOWN)
    batch = Batch(torch.zeros(2, 3, 4, 8, 8), targets)
    assert attributes_right(Remembers(targets), batch) == dict.fromkeys(ATTRIBUTES, 2)
    # Wrong about the second clip's colour alone.
    other = word_targets((SHOWN[0], replace(SHOWN[1], colour="white")))
    assert attributes_right(Remembers(other), batch) == {
        **dict.fromkeys(ATTRIBUTES, 2),
        "colour": 1,
    }


@pytest.fixture
def material(photographs):
    return ObjectWordsMaterial(ObjectWordsData(held_out_share=0.25), photographs)


def test_batches_are_clips_with_four_words(material):
    batch = material.training(RUN).batch(1)
    assert batch.clips.shape == (6, 3, 4, 32, 32)
    assert batch.targets.shape == (6, len(material.labels))
    torch.testing.assert_close(batch.targets.sum(1), torch.ones(6))
    again = material.training(RUN).batch(1)
    torch.testing.assert_close(batch.clips, again.clips, rtol=0, atol=0)


def test_what_is_held_out_is_never_trained_on(material):
    seen = {
        tuple(row) for n in range(4) for row in material.training(RUN).batch(n).targets.tolist()
    }
    held_out = {tuple(row) for b in material.held_out(RUN, 12) for row in b.targets.tolist()}
    assert held_out and not seen & held_out


def test_both_splits_are_scored(material, monkeypatch):
    monkeypatch.setattr(words_data, "EVALUATION_CLIPS", 8)
    sure = word_targets(SHOWN)[:1].expand(8, -1)
    scores = material.evaluate(Remembers(sure), RUN)
    shares = scores["accuracy_by_attribute"]
    for split in ("never_seen", "seen"):
        clips = material._draw(split, material.held_out_photographs, RUN)
        (batch,) = held_out_batches(clips, 8)
        stars = int((batch.targets[:, material.labels.index("star")] > 0).sum())
        assert shares[split]["shape"] == round(100 * stars / 8, 1)
    assert scores["accuracy"] == round(sum(shares["never_seen"].values()) / 4, 2)
    assert f"shape {shares['seen']['shape']} %" in scores["accuracy_note"].partition(";")[2]
