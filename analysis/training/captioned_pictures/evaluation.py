"""How well a model of pictures and texts names what it sees."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from analysis.models.clip import Clip
from analysis.training.captioned_pictures.captioned_pictures import CaptionedPictures
from analysis.training.captioned_pictures.picture_words import Kind, kinds
from analysis.training.captioned_pictures.vocabulary import Vocabulary
from analysis.training.clip_feed import normalised_pictures
from analysis.training.scores import Scores, score

_BATCH, _SEED = 100, 0xE7A1


@dataclass(frozen=True)
class TextsFound:
    """share (0 to 1) of pictures whose own sentence is the best of `texts`."""

    texts: int
    share: float


def named_kinds(
    model: nn.Module, pictures: CaptionedPictures, vocabulary: Vocabulary, count: int = 1200
) -> Scores:
    """Answers to `count` pictures of a single thing, among the prompts of all kinds.

    `model` gives logits (pictures, texts), as a `Clip` does.
    """
    every = kinds()
    prompts = torch.from_numpy(vocabulary.encode([kind.prompt for kind in every]))
    generator = np.random.default_rng([1, _SEED])
    classes, answers = [], []
    for _ in range(0, count, _BATCH):
        drawn = pictures.batch_of(_BATCH, generator, pair_share=0.0)
        answers += _logits(model, drawn.pixels, prompts).argmax(1).tolist()
        classes += [every.index(Kind(thing.shape, thing.colour)) for (thing,) in drawn.things]
    return score([f"{kind.colour} {kind.shape}" for kind in every], classes, answers)


def texts_found(
    model: Clip,
    pictures: CaptionedPictures,
    vocabulary: Vocabulary,
    texts: int = 200,
    rounds: int = 5,
) -> TextsFound:
    """Of `rounds` x `texts` pictures of two things, those whose own sentence is ranked first.

    Equal sentences count as one.
    """
    generator = np.random.default_rng([2, _SEED])
    right = 0
    for _ in range(rounds):
        drawn = pictures.batch_of(texts, generator, pair_share=1.0)
        numbers = torch.from_numpy(vocabulary.encode(drawn.captions))
        best = _logits(model, drawn.pixels, numbers).argmax(1)
        right += sum(drawn.captions[b] == own for b, own in zip(best, drawn.captions, strict=True))
    return TextsFound(texts, right / (rounds * texts))


@torch.inference_mode()
def _logits(model: nn.Module, pixels: np.ndarray, tokens: torch.Tensor) -> torch.Tensor:
    device = next(model.parameters()).device
    model.eval()
    clips = normalised_pictures(pixels).to(device)
    return model(clips, tokens.to(device)).cpu()
