"""Sentences for what clips show: one content in several phrasings."""

from functools import lru_cache
from itertools import product

import numpy as np

from analysis.text.word_pieces import SPECIAL_PIECES, plain_text
from analysis.training.camera.camera_path import CAMERA_MOVES
from analysis.training.moving_objects.composition import SPLITS, STILL, Composition, compositions

VOCABULARY_SIZE = 64

_MOVING_VERBS = ("moves", "glides", "drifts", "slides")
_RESTING = ("stays still", "does not move", "rests where it is")
_DIAGONALS = ("{down_or_up} and to the {side}", "towards the {row} {side}")

_CAMERA_PRESENT = {
    "pan left": "pans left",
    "pan right": "pans right",
    "tilt up": "tilts up",
    "tilt down": "tilts down",
    "zoom in": "zooms in",
    "zoom out": "zooms out",
    "roll clockwise": "rolls clockwise",
    "roll counter-clockwise": "rolls counter-clockwise",
}
_MOVING_CAMERA = (
    "{thing} {action} while the camera {camera}",
    "{thing} {action} as the camera {camera}",
    "the camera {camera} and {thing} {action}",
    "while the camera {camera}, {thing} {action}",
)
_MOVING_SCENES = ("the camera {camera}", "the camera {camera} over a scene")
_STILL_SCENES = ("the camera stays still", "the camera does not move", "a fixed camera")
_RESTING_CAMERA = (
    "{thing} {action}",
    "{thing} {action} while the camera stays still",
    "{thing} {action} in front of a fixed camera",
)


def phrasings(composition: Composition) -> tuple[str, ...]:
    """Every sentence the grammar has for a composition, in lower case without a full stop."""
    camera = _CAMERA_PRESENT.get(composition.camera)
    frames = _RESTING_CAMERA if camera is None else _MOVING_CAMERA
    thing = name(composition)
    return tuple(
        frame.format(thing=thing, action=action, camera=camera)
        for frame, action in product(frames, _actions(composition.direction))
    )


def camera_phrasings(move: str) -> tuple[str, ...]:
    """Every sentence for a clip in which only the camera does something, or nothing does."""
    camera = _CAMERA_PRESENT.get(move)
    if camera is None:
        return _STILL_SCENES
    return tuple(scene.format(camera=camera) for scene in _MOVING_SCENES)


def camera_caption(move: str, generator: np.random.Generator) -> str:
    """One of the phrasings, each as likely as any other."""
    choices = camera_phrasings(move)
    return choices[generator.integers(len(choices))]


@lru_cache(maxsize=1)
def vocabulary() -> tuple[str, ...]:
    """The special pieces and every word of a caption, in a fixed order.

    As BERT's, it is filled up with numbers that no text has.
    """
    sentences = [text for split in SPLITS for one in compositions(split) for text in phrasings(one)]
    sentences += [text for move in CAMERA_MOVES for text in camera_phrasings(move)]
    words = {word for text in set(sentences) for word in plain_text(text).split()}
    pieces = (*SPECIAL_PIECES, *sorted(words))
    return (*pieces, *(f"[unused{number}]" for number in range(VOCABULARY_SIZE - len(pieces))))


def name(composition: Composition) -> str:
    """What the object is called, and nothing of what it does."""
    article = "an" if composition.colour[0] in "aeiou" else "a"
    return f"{article} {composition.colour} {composition.shape}"


def caption(composition: Composition, generator: np.random.Generator) -> str:
    """One of the phrasings, each as likely as any other."""
    choices = phrasings(composition)
    return choices[generator.integers(len(choices))]


def _actions(direction: str) -> tuple[str, ...]:
    if direction == STILL:
        return _RESTING
    return tuple(f"{verb} {way}" for verb, way in product(_MOVING_VERBS, _ways(direction)))


def _ways(direction: str) -> tuple[str, ...]:
    side, _, vertical = direction.partition(" and ")
    if not vertical:
        return (
            direction,
            f"to the {direction}" if direction in ("left", "right") else f"{direction}wards",
        )
    row = {"up": "upper", "down": "lower"}[vertical]
    return tuple(way.format(down_or_up=vertical, side=side, row=row) for way in _DIAGONALS)
