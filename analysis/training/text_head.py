"""The class names of a run as the texts that a head compares clips with."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from analysis.models.class_prompts import class_directions
from analysis.models.embedding_head import TextHead
from analysis.training.captioned_pictures.data import LONGEST_CAPTION
from analysis.training.captioned_pictures.picture_words import vocabulary
from analysis.training.captioned_pictures.vocabulary import Vocabulary
from analysis.training.errors import TrainingError
from analysis.weights.whole_clip import load_clip

_ARCHITECTURE = "clip_mini"
# Sentences whose words the small CLIP knows.
_TEMPLATES = ("{}", "a {}", "a picture of a {}", "there is a {}")


def name_classes(model: nn.Module, source: str | None, labels: Sequence[str]) -> None:
    """Gives a text head the directions of `labels`, said by the text tower the model starts from.

    Other heads stay as they are. Raises TrainingError, one sentence, without such a tower, and for
    words that it does not know: published towers read numbers that no tokenizer here makes.
    """
    head = getattr(model, "head", None)
    if not isinstance(head, TextHead):
        return
    if source is None:
        raise TrainingError(
            "A text head takes its classes from the texts of a small CLIP; set "
            "model.weights=clip_mini.pictures or model.switches=head=linear."
        )
    clip = load_clip(source, _ARCHITECTURE)
    words = Vocabulary(vocabulary(), LONGEST_CAPTION)

    def encode(texts: Sequence[str]) -> Tensor:
        return torch.from_numpy(words.encode(texts))

    try:
        directions = class_directions(clip, encode, labels, _TEMPLATES)
    except ValueError as error:
        raise TrainingError(
            f"A text head can't be given these classes ({error}); set model.switches=head=linear."
        ) from error
    head.set_classes(directions, clip.scale)
