"""Sentences for compositions: one content in several phrasings."""

from itertools import product

import numpy as np

from analysis.training.moving_objects.composition import STILL, Composition

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
_RESTING_CAMERA = (
    "{thing} {action}",
    "{thing} {action} while the camera stays still",
    "{thing} {action} in front of a fixed camera",
)


def phrasings(composition: Composition) -> tuple[str, ...]:
    """Every sentence the grammar has for a composition, in lower case without a full stop."""
    camera = _CAMERA_PRESENT.get(composition.camera)
    frames = _RESTING_CAMERA if camera is None else _MOVING_CAMERA
    article = "an" if composition.colour[0] in "aeiou" else "a"
    thing = f"{article} {composition.colour} {composition.shape}"
    return tuple(
        frame.format(thing=thing, action=action, camera=camera)
        for frame, action in product(frames, _actions(composition.direction))
    )


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
