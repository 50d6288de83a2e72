"""The class names of a run as the texts that a head compares clips with."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from analysis.models.class_prompts import class_directions
from analysis.models.clip import Clip
from analysis.models.embedding_head import TextHead
from analysis.text.clip_words import VOCABULARY_SIZE, encode_clip_texts
from analysis.text.word_pieces import VocabularyError
from analysis.training.captioned_pictures.picture_words import LONGEST_CAPTION, vocabulary
from analysis.training.captioned_pictures.vocabulary import Vocabulary
from analysis.training.errors import TrainingError
from analysis.weights.clip_layouts import count_words
from analysis.weights.named_tensors import named_tensors
from analysis.weights.whole_clip import load_clip, told_clip

_SMALL = "clip_mini"
# Sentences whose words the small CLIP knows.
_SMALL_TEMPLATES = ("{}", "a {}", "a picture of a {}", "there is a {}")


def name_classes(model: nn.Module, source: str | None, labels: Sequence[str]) -> None:
    """Gives a text head the directions of `labels`, said by the text tower the model starts from.

    That is the small CLIP, in the words it knows, or a CLIP of any size that reads the words of the
    published one. Other heads stay as they are. Raises TrainingError or WeightsError, one sentence,
    without such a tower, and for words that it does not know.
    """
    head = getattr(model, "head", None)
    if not isinstance(head, TextHead):
        return
    if source is None:
        raise TrainingError(
            "A text head takes its classes from the texts of a CLIP; set "
            "model.weights=clip_mini.pictures, model.weights to the file of a whole published CLIP "
            "or model.switches=head=linear."
        )
    state = named_tensors(source)
    try:
        if count_words(state) == VOCABULARY_SIZE:
            clip, directions = _said_in_published_words(state, source, labels)
        else:
            clip, directions = _said_in_few_words(source, labels)
    except VocabularyError as error:
        raise TrainingError(str(error)) from error
    except ValueError as error:
        raise TrainingError(
            f"A text head can't be given these classes ({error}); set model.switches=head=linear."
        ) from error
    head.set_classes(directions, clip.scale)


def _said_in_published_words(
    state: Mapping[str, Tensor], source: str, labels: Sequence[str]
) -> tuple[Clip, Tensor]:
    clip = told_clip(state, Path(source).parent)
    encode = partial(encode_clip_texts, length=clip.config.context_length)
    return clip, class_directions(clip, encode, labels)


def _said_in_few_words(source: str, labels: Sequence[str]) -> tuple[Clip, Tensor]:
    words = Vocabulary(vocabulary(), LONGEST_CAPTION)

    def encode(texts: Sequence[str]) -> Tensor:
        return torch.from_numpy(words.encode(texts))

    clip = load_clip(source, _SMALL)
    return clip, class_directions(clip, encode, labels, _SMALL_TEMPLATES)
