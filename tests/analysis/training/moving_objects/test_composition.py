"""The split of compositions, and the sentences for them."""

from collections import Counter
from itertools import combinations

import numpy as np
import pytest

from analysis.training.camera.camera_path import CAMERA_MOVES
from analysis.training.moving_objects.captions import caption, phrasings
from analysis.training.moving_objects.composition import (
    COLOURS,
    DIRECTIONS,
    SHAPES,
    Composition,
    compositions,
)

SEEN, NEVER_SEEN = compositions("seen"), compositions("never_seen")


def test_the_splits_share_nothing_and_cover_everything():
    total = len(SHAPES) * len(COLOURS) * len(DIRECTIONS) * len(CAMERA_MOVES)
    assert len(set(SEEN) | set(NEVER_SEEN)) == len(SEEN) + len(NEVER_SEEN) == total
    assert 0.7 < len(SEEN) / total < 0.85


@pytest.mark.parametrize("field", ["shape", "colour", "direction", "camera"])
def test_every_word_is_in_both_splits(field):
    words = {getattr(one, field) for one in SEEN}
    assert words == {getattr(one, field) for one in NEVER_SEEN}


@pytest.mark.parametrize("pair", ["shape colour", "shape direction"])
def test_every_shape_lacks_one_partner_in_training(pair):
    first, second = pair.split()
    seen = {(getattr(one, first), getattr(one, second)) for one in SEEN}
    partners = Counter(shape for shape, _ in seen)
    everything = len({word for _, word in seen})
    assert set(partners.values()) == {everything - 1}
    # Whatever is held out for this reason is really never seen.
    held_out = {(getattr(one, first), getattr(one, second)) for one in NEVER_SEEN} - seen
    assert len(held_out) == len(SHAPES)


def test_unknown_splits_are_named():
    with pytest.raises(ValueError, match=r'Got split "test"; use one of seen, never_seen\.'):
        compositions("test")


@pytest.mark.parametrize(
    ("composition", "sentence"),
    [
        (
            Composition("square", "red", "left", "zoom in"),
            "a red square moves left while the camera zooms in",
        ),
        (
            Composition("star", "orange", "right and up", "roll clockwise"),
            "while the camera rolls clockwise, an orange star drifts towards the upper right",
        ),
        (Composition("ring", "white", "up", "static"), "a white ring glides upwards"),
        (
            Composition("cross", "black", "still", "pan left"),
            "the camera pans left and a black cross does not move",
        ),
        (
            Composition("circle", "green", "left and down", "static"),
            "a green circle slides down and to the left in front of a fixed camera",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_grammar_has_this_sentence(composition, sentence):
    assert sentence in phrasings(composition)


def test_no_sentence_fits_two_compositions():
    counts = Counter(sentence for one in (*SEEN, *NEVER_SEEN) for sentence in set(phrasings(one)))
    assert max(counts.values()) == 1
    assert all("{" not in sentence for sentence in counts)


def test_every_composition_has_several_phrasings_and_all_are_drawn():
    composition = SEEN[17]
    generator = np.random.default_rng(0)
    drawn = {caption(composition, generator) for _ in range(600)}
    assert drawn == set(phrasings(composition))
    assert min(len(phrasings(one)) for one in SEEN) >= 9


def test_sentences_name_what_differs():
    for one, other in combinations(SEEN[:40], 2):
        assert not set(phrasings(one)) & set(phrasings(other))
