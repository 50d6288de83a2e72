"""Classes as directions, by the words of the definition."""

import pytest
import torch

from analysis.models import create_model
from analysis.models.class_prompts import ACTION_TEMPLATES, class_directions

NAMES = ("waving", "pouring water", "running")


def encode(texts):
    """A number a letter, then the end: enough to tell texts apart."""
    rows = torch.zeros(len(texts), 24, dtype=torch.long)
    for row, text in zip(rows, texts, strict=True):
        letters = [1 + ord(letter) % 61 for letter in text][:23]
        row[: len(letters)] = torch.tensor(letters)
        row[len(letters)] = 63
    return rows


@pytest.fixture(scope="module")
def clip():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return create_model("clip_mini").eval()


def test_directions_are_means_of_unit_directions(clip):
    templates = ("{}", "a video of {}", "{} now")
    found = class_directions(clip, encode, NAMES, templates)
    with torch.inference_mode():
        for name, direction in zip(NAMES, found, strict=True):
            texts = [template.format(name) for template in templates]
            single = [clip.encode_texts(encode([text]))[0] for text in texts]
            mean = sum(x / x.norm() for x in single) / 3
            torch.testing.assert_close(direction, mean / mean.norm())
    assert (found[0] - found[1]).abs().max() > 1e-3


def test_there_are_sixteen_templates_all_different():
    texts = {template.format("x") for template in ACTION_TEMPLATES}
    assert len(texts) == len(ACTION_TEMPLATES) == 16


def test_names_with_braces_are_names(clip):
    found = class_directions(clip, encode, ["{}"], ["see {}"])
    torch.testing.assert_close(found, clip.encode_texts(encode(["see {}"])).detach())


@pytest.mark.parametrize("template", ["a video", "{} and {}"])
def test_a_template_has_one_place(clip, template):
    with pytest.raises(ValueError, match=r"has one \{\} for the name"):
        class_directions(clip, encode, NAMES, [template])
