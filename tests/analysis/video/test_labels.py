"""Label orders: their length, the places that are known, and honesty about missing names."""

import pytest

from analysis.video.labels import LABEL_ORDERS, label_names, label_order, numbered_labels

COUNTS = {
    "k400": 400,
    "k400_alphabetical": 400,
    "ssv2": 174,
    "breakfast": 10,
    "camera_moves": 9,
    "motion_capture": 15,
    "object_directions": 9,
    "object_words": 32,
    "imagenet1k": 1000,
    "coin": 180,
}


def test_every_order_is_listed() -> None:
    assert set(LABEL_ORDERS) == set(COUNTS)


@pytest.mark.parametrize("order", COUNTS)
def test_count_and_uniqueness(order: str) -> None:
    names = label_names(order)
    assert len(names) == len(set(names)) == COUNTS[order]
    assert all(name and name == name.strip() for name in names)
    assert label_order(order).note.endswith(".")


@pytest.mark.parametrize(
    ("order", "index", "name"),
    [
        ("k400", 0, "riding a bike"),
        ("k400", 2, "dodgeball"),
        ("k400", 341, "abseiling"),
        ("k400", 399, "playing badminton"),
        ("k400_alphabetical", 0, "abseiling"),
        ("k400_alphabetical", 399, "zumba"),
        ("ssv2", 0, "Approaching something with your camera"),
        ("breakfast", 9, "tea"),
        ("camera_moves", 0, "static"),
        ("camera_moves", 8, "roll counter-clockwise"),
        ("motion_capture", 2, "crawl"),
        ("motion_capture", 14, "walk"),
        ("object_directions", 0, "still"),
        ("object_directions", 3, "up"),
        ("object_words", 6, "red"),
        ("object_words", 23, "camera static"),
        ("imagenet1k", 999, "class 999"),
    ],
)
def test_known_places(order: str, index: int, name: str) -> None:
    assert label_names(order)[index] == name


def test_both_kinetics_orders_hold_the_same_names() -> None:
    assert label_names("k400") != label_names("k400_alphabetical")
    assert sorted(label_names("k400")) == list(label_names("k400_alphabetical"))


@pytest.mark.parametrize("order", COUNTS)
def test_named_says_whether_the_names_are_there(order: str) -> None:
    assert label_order(order).named == (label_names(order) != numbered_labels(COUNTS[order]))


def test_unknown_order_lists_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r'Got label order "k600"; use one of k400, .*coin\.'):
        label_names("k600")
