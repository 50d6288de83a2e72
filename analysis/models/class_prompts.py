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
    per_template = [
        clip.encode_texts(encode([template.replace("{}", name) for name in names]))
        for template in templates
    ]
    return F.normalize(torch.stack(per_template).mean(0), dim=-1)
