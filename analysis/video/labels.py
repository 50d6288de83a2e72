"""Names of the classes, in the order in which a model's logits come."""

from dataclasses import dataclass
from functools import lru_cache
from importlib import resources


@dataclass(frozen=True)
class LabelOrder:
    """Class names of one data set in one order.

    name: what a weights card calls it.
    labels: one name per logit.
    named: False where only the number of classes is known; labels are then "class 0", "class 1"...
    note: a sentence on where the order comes from or what is uncertain about it.
    """

    name: str
    labels: tuple[str, ...]
    named: bool
    note: str


_NOTES = {
    "k400": "Kinetics-400 in the order of the published VideoMamba weights (not alphabetical).",
    "k400_alphabetical": "Kinetics-400 sorted by name, the order most other checkpoints use.",
    "ssv2": (
        "Something-Something V2 in the data set's own numbering; that the published VideoMamba "
        "weights use it is inferred, not confirmed."
    ),
    "breakfast": (
        "The ten Breakfast activities sorted by name; that the published VideoMamba weights use "
        "this order is inferred, not confirmed."
    ),
    "camera_moves": "What the camera does: in a pan to the left the content moves right.",
    "motion_capture": "Fifteen actions, named after pybullet's motion-capture files.",
    "object_directions": "Which way an object moves against the scene behind it.",
    "object_words": (
        "Four at once are right: an object's shape, its colour, which way it moves and what the "
        "camera does."
    ),
    "imagenet1k": "ImageNet-1K, 1000 classes by number: the names are not included.",
    "coin": "COIN, 180 classes by number: the names are not included.",
}
_CLASS_COUNTS = {"imagenet1k": 1000, "coin": 180}

LABEL_ORDERS = tuple(_NOTES)


def label_names(order: str) -> tuple[str, ...]:
    """The class names of a known order. Raises ValueError, listing the orders, for another."""
    return label_order(order).labels


@lru_cache
def label_order(order: str) -> LabelOrder:
    """The names with what is known about them. Raises ValueError for an unknown order."""
    if order not in _NOTES:
        raise ValueError(f'Got label order "{order}"; use one of {", ".join(LABEL_ORDERS)}.')
    if order in _CLASS_COUNTS:
        labels = numbered_labels(_CLASS_COUNTS[order])
    elif order == "k400_alphabetical":
        labels = tuple(sorted(_read("k400"), key=str.lower))
    else:
        labels = _read(order)
    return LabelOrder(order, labels, named=order not in _CLASS_COUNTS, note=_NOTES[order])


def numbered_labels(count: int) -> tuple[str, ...]:
    """Stand-ins for classes without names: "class 0", "class 1", ..."""
    return tuple(f"class {number}" for number in range(count))


def _read(order: str) -> tuple[str, ...]:
    file = resources.files("analysis.video") / "labels" / f"{order}.txt"
    return tuple(file.read_text(encoding="utf-8").splitlines())
