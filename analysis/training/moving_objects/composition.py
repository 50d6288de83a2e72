"""What a clip shows, as a few words, and which combinations of words are never trained on."""

from dataclasses import dataclass
from itertools import product

from analysis.training.camera.camera_path import CAMERA_MOVES
from analysis.video.labels import label_names

SHAPES = ("circle", "square", "triangle", "star", "cross", "ring")
COLOURS = {
    "red": (215, 35, 35),
    "orange": (245, 140, 20),
    "yellow": (245, 225, 40),
    "green": (40, 165, 60),
    "blue": (40, 75, 220),
    "purple": (140, 50, 180),
    "white": (245, 245, 245),
    "black": (12, 12, 12),
}
DIRECTIONS = label_names("object_directions")
STILL = DIRECTIONS[0]
ATTRIBUTES = {
    "shape": SHAPES,
    "colour": tuple(COLOURS),
    "direction": DIRECTIONS,
    "camera": CAMERA_MOVES,
}
"""What is said of a clip, and what could be said instead."""

SPLITS = ("seen", "never_seen")


@dataclass(frozen=True)
class Composition:
    """One of SHAPES in one of COLOURS moving in one of DIRECTIONS under one of CAMERA_MOVES.

    The direction is relative to the scene behind the object, "up" being the top of the picture
    before the camera rolls.
    """

    shape: str
    colour: str
    direction: str
    camera: str


def is_never_seen(composition: Composition) -> bool:
    """Whether a composition is held out.

    Of every shape one colour and one direction are, whatever the camera does: training shows red
    circles and other shapes in purple, say, but no purple circle. So every word is trained on,
    together with all others but a few.
    """
    shape = SHAPES.index(composition.shape)
    colour = list(COLOURS).index(composition.colour)
    direction = DIRECTIONS.index(composition.direction)
    return colour == (shape + 5) % len(COLOURS) or direction == (2 * shape + 1) % len(DIRECTIONS)


def compositions(split: str) -> tuple[Composition, ...]:
    """All compositions of a split. Raises ValueError for another than SPLITS."""
    if split not in SPLITS:
        raise ValueError(f'Got split "{split}"; use one of {", ".join(SPLITS)}.')
    every = (Composition(*words) for words in product(SHAPES, COLOURS, DIRECTIONS, CAMERA_MOVES))
    return tuple(one for one in every if is_never_seen(one) == (split == "never_seen"))
