"""Scores of models whose answers are known."""

import numpy as np
import pytest
import torch
from torch import nn

from analysis.training.camera.photograph_store import PhotographStore
from analysis.training.camera.photographs import Photograph
from analysis.training.captioned_pictures.captioned_pictures import CaptionedPictures
from analysis.training.captioned_pictures.evaluation import named_kinds, texts_found
from analysis.training.captioned_pictures.picture_words import kinds, vocabulary
from analysis.training.captioned_pictures.vocabulary import Vocabulary

WORDS = Vocabulary(vocabulary(), 24)


class Answers(nn.Module):
    """Says what a function of pictures and texts says."""

    def __init__(self, function):
        super().__init__()
        self.none = nn.Parameter(torch.zeros(()))
        self.function = function

    def forward(self, pictures, tokens):
        return self.function(pictures, tokens)


@pytest.fixture
def pictures():
    grey = np.full((200, 300, 3), 128, np.uint8)
    store = PhotographStore.build([Photograph("grey.png", grey)])
    return CaptionedPictures(store, "never_seen", image_size=32)


def test_always_the_same_answer_is_right_as_often_as_it_is_asked_for(pictures):
    number = kinds().index(kinds("never_seen")[0])
    model = Answers(lambda p, t: torch.eye(len(t))[number].expand(len(p), -1))
    scores = named_kinds(model, pictures, WORDS, count=200)
    column = np.array(scores.confusion)[:, number]
    assert scores.clips == 200 and column.sum() == 200
    assert scores.right == column[number] and 0.08 < scores.accuracy < 0.28


def test_a_picture_finds_its_own_sentence(pictures):
    own = texts_found(Answers(lambda p, t: torch.eye(len(t))), pictures, WORDS, 50, rounds=1)
    assert (own.texts, own.share) == (50, 1.0)
    shifted = Answers(lambda p, t: torch.eye(len(t)).roll(1, 0))
    assert texts_found(shifted, pictures, WORDS, 50, rounds=1).share < 0.1
