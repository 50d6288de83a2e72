"""Names of classes as texts, and as directions of the space that CLIP's two towers share."""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from analysis.models.clip import Clip

ACTION_TEMPLATES: tuple[str, ...] = (
    "{}",
    "a video of {}",
    "a photo of {}",
    "a clip that shows {}",
    "a short film of {}",
    "a person is {}",
    "someone is {}",
    "people are {}",
    "a man is {}",
    "a woman is {}",
    "an example of the action {}",
    "the action here is {}",
    "this is what {} looks like",
    "what happens here is {}",
    "here you can see {}",
    "{}, recorded with a camera",
)
"""Sixteen sentences about an action, the number and kind that ActionCLIP (arXiv 2109.08472) uses;
the wording is ours."""

# Texts read at once, which bounds the memory that takes.
_TOGETHER = 256


@torch.no_grad()
def class_directions(
    clip: Clip,
    encode: Callable[[Sequence[str]], Tensor],
    names: Sequence[str],
    templates: Sequence[str] = ACTION_TEMPLATES,
) -> Tensor:
    """A direction (classes, output_dim) of unit length for every name.

    It is the direction of the mean over all templates of what `clip` says of the name in a
    template. `encode` makes token numbers (texts, length) of texts.

    Raises ValueError for a template without a place for the name.
    """
    if lacking := [template for template in templates if template.count("{}") != 1]:
        raise ValueError(f"a template has one {{}} for the name, {lacking[0]!r} has not")
    texts = [template.replace("{}", name) for template in templates for name in names]
    said = _directions(clip, encode(texts)).unflatten(0, (len(templates), len(names)))
    return F.normalize(said.mean(0), dim=-1)


def _directions(clip: Clip, tokens: Tensor) -> Tensor:
    """As `clip.encode_texts`, in a fraction of its time where most texts are short.

    Texts of one length go together, without the places behind their ends, which have no influence:
    the classes of Kinetics-400 take 8 of the 77 places of CLIP on average.
    """
    ends = tokens.argmax(1)
    found = clip.text_projection.new_empty(len(tokens), clip.config.tower.output_dim)
    for end in ends.unique():
        for rows in (ends == end).nonzero()[:, 0].split(_TOGETHER):
            found[rows] = clip.encode_texts(tokens[rows, : end + 1])
    return found
