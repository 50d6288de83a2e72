"""Pictures show what their captions say, and held-out kinds are never drawn in training."""

import numpy as np
import pytest

from analysis.training.camera.photograph_store import PhotographStore
from analysis.training.camera.photographs import Photograph
from analysis.training.captioned_pictures.captioned_pictures import CaptionedPictures
from analysis.training.captioned_pictures.picture_words import (
    Kind,
    Thing,
    caption,
    kinds,
    vocabulary,
)
from analysis.training.captioned_pictures.vocabulary import Vocabulary
from analysis.training.moving_objects.composition import COLOURS

GREY = np.full((200, 300, 3), 128, np.uint8)


@pytest.fixture(scope="module")
def store():
    return PhotographStore.build([Photograph("grey.png", GREY)])


def _captions(*things: Thing) -> set[str]:
    generator = np.random.default_rng(0)
    return {caption(things, generator) for _ in range(400)}


def test_captions_of_one_thing():
    thing = Thing("ring", "orange", "small", 0, 2)
    said = _captions(thing)
    names = ("an orange ring", "a small orange ring")
    places = ("", " at the top right")
    openings = ("", "a picture of ", "there is ")
    assert said == {f"{o}{n}{p}" for o in openings for n in names for p in places}


@pytest.mark.parametrize(
    ("cell", "place"),
    [((1, 1), "middle"), ((2, 1), "bottom"), ((1, 0), "left"), ((2, 0), "bottom left")],
)
def test_places(cell, place):
    said = _captions(Thing("star", "red", "large", *cell))
    assert {text.partition(" at the ")[2] for text in said} == {"", place}


def test_relations_are_true():
    first, second = Thing("star", "red", "large", 0, 2), Thing("cross", "blue", "small", 1, 0)
    joined = {text for text in _captions(first, second) if "large" not in text}
    relations = {text.split("red star ")[1].split(" a ")[0] for text in joined}
    assert relations == {"and", "above", "right of"}
    swapped = {text for text in _captions(second, first) if "small" not in text}
    relations = {text.split("blue cross ")[1].split(" a ")[0] for text in swapped}
    assert relations == {"and", "below", "left of"}


def test_one_colour_of_every_shape_is_never_seen():
    never = kinds("never_seen")
    assert len(kinds()) == 48 and len(never) == 6
    assert len({kind.shape for kind in never}) == 6
    assert not set(never) & set(kinds("seen"))


@pytest.mark.parametrize("split", ["seen", "never_seen"])
def test_a_split_draws_its_own_kinds(store, split):
    drawn = CaptionedPictures(store, split).batch_of(64, np.random.default_rng(0))
    shown = {Kind(thing.shape, thing.colour) for things in drawn.things for thing in things}
    assert shown <= set(kinds(split)) and len(shown) > 5
    assert {len(things) for things in drawn.things} == {1, 2}


def test_things_stand_where_and_in_the_colour_the_words_say(store):
    pictures = CaptionedPictures(store, image_size=96)
    drawn = pictures.batch_of(40, np.random.default_rng(3), difficulty=0.0)
    for pixels, things in zip(drawn.pixels, drawn.things, strict=True):
        for thing in things:
            if thing.shape == "ring":
                continue
            # Moved by up to 0.05 views from the middle of its cell; the smallest has radius 0.08.
            row, column = (int((0.5 + 0.3 * (cell - 1)) * 96) for cell in (thing.row, thing.column))
            around = pixels[row - 6 : row + 7, column - 6 : column + 7].reshape(-1, 3).astype(int)
            away = np.abs(around - COLOURS[thing.colour]).max(axis=1)
            assert away.min() < 45, thing


def test_the_same_generator_draws_the_same(store):
    pictures = CaptionedPictures(store)
    one, two = (pictures.batch_of(8, np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(one.pixels, two.pixels)
    assert one.captions == two.captions


def test_every_caption_can_be_encoded(store):
    words = Vocabulary(vocabulary(), 24)
    drawn = CaptionedPictures(store).batch_of(300, np.random.default_rng(1))
    numbers = words.encode(drawn.captions)
    ends = numbers.argmax(axis=1)
    assert [len(text.split()) for text in drawn.captions] == ends.tolist()
    assert (numbers.max(axis=1) == words.size - 1).all()
    assert len({tuple(row) for row in numbers}) == len(set(drawn.captions))
    assert words.size <= 64


def test_an_unknown_word_is_one_sentence():
    words = Vocabulary(("red", "star"), 3)
    assert words.encode(["red star"]).tolist() == [[1, 2, 3]]
    with pytest.raises(ValueError, match="'planet' is not known; use some of red, star"):
        words.encode(["red planet"])
    with pytest.raises(ValueError, match="has 3 words; use at most 2"):
        words.encode(["red red star"])
