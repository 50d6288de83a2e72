"""What is proposed for a name that nobody knows."""

import pytest

from analysis.nearest_names import nearest

KNOWN = ("saliency", "occlusion", "grad_cam")


@pytest.mark.parametrize(
    ("name", "known", "otherwise", "words"),
    [
        ("salency", KNOWN, "", "did you mean saliency?"),
        ("blak", ("black", "blue"), "", "did you mean black or blue?"),
        ("xyz", KNOWN, "", "choose saliency, occlusion, grad_cam."),
        ("xyz", KNOWN, "the list has them.", "the list has them."),
        ("salency", KNOWN, "the list has them.", "did you mean saliency?"),
        ("steps", (), "", "it takes none."),
    ],
)
def test_words(name, known, otherwise, words):
    assert nearest(name, known, otherwise) == words
    assert nearest(name, iter(known), otherwise) == words
