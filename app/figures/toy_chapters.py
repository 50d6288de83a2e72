"""The guided walk of Learn: what each chapter says, shows and begins with."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from analysis.attribution.toy_walk import BALL, ToySetting, ToyWalk
from app.figures.toy import ORDER, PARTS, STATE

_READ_IN_FRAME = 9


@dataclass(frozen=True)
class Chapter:
    """One stop of the walk.

    setting, step: what it begins with; the visitor may change them. told: what it says, with the
        numbers of the walk on show. next_stop: what to try.
    """

    title: str
    view: str
    setting: ToySetting
    step: int
    told: Callable[[ToyWalk, int], str]
    try_this: str


def half_life_steps(kept: float) -> float:
    """After how many tokens, each leaving `kept` of the state, half of it is left."""
    return math.log(0.5) / math.log(kept)


def _ball_steps(walk: ToyWalk) -> list[int]:
    """When the ball is read, counted from 1."""
    return sorted(walk.steps[token] + 1 for token in BALL)


def _tokens(walk: ToyWalk, step: int) -> str:
    return (
        "A ball rolls through three frames of 3 by 3 patches. A state-space model does not look at "
        "the clip as a whole: it reads 27 tokens one after another. The small numbers say when "
        f"each patch is read; the ball is read at steps {', '.join(map(str, _ball_steps(walk)))}."
    )


def _memory(walk: ToyWalk, step: int) -> str:
    return (
        "All it carries along is a state: here a single number, in a model thousands. Each token "
        "leaves a share of the state in place and adds its own input, times a step size. Both "
        "follow from the step size: the share kept is e to the power of minus the step size. At "
        f"step {step + 1} the state is {walk.states[step]:.3f}."
    )


def _forgetting(walk: ToyWalk, step: int) -> str:
    half = half_life_steps(walk.setting.kept_empty)
    return (
        f"An empty patch leaves {walk.setting.kept_empty:g} of the state, so that half of it is "
        f"gone after {half:.1f} of them: {half / _READ_IN_FRAME:.1f} frames, if a frame is read "
        f"whole. After the last token {walk.states[-1]:.3f} is left."
    )


def _choosing(walk: ToyWalk, step: int) -> str:
    empty, ball = walk.setting.kept_empty, walk.setting.kept_ball
    verdict = (
        "An empty patch changes little and the ball much: the scan has selected it."
        if empty > ball
        else "Empty patches forget as fast as the ball or faster: nothing is selected."
    )
    return (
        "In Mamba the step size is computed from the token itself, and that is what selective "
        f"means. Here an empty patch keeps {empty:g} of the state and the ball {ball:g}. {verdict}"
    )


def _order(walk: ToyWalk, step: int) -> str:
    first, second, third = _ball_steps(walk)
    return (
        "The same clip in another order is another sentence. From one sight of the ball to the "
        f"next the scan takes {second - first} and {third - second} steps in this order; what it "
        "saw first has that long to fade."
    )


def _directions(walk: ToyWalk, step: int) -> str:
    blind = sum(not any(parts) for parts in walk.parts)
    return (
        "A token knows only what was read before it. VideoMamba therefore scans twice, from both "
        f"ends, and adds the results. In this direction {blind} of 27 tokens know nothing of the "
        "ball. A class token at the very start hears of the clip through the backward scan alone."
    )


def _adding_up(walk: ToyWalk, step: int) -> str:
    token = walk.positions[step]
    total = walk.outputs[token]
    sources = [(part, source) for source, part in enumerate(walk.parts[token]) if part]
    if not sources:
        return "This token was read before the ball came: it has no parts to add up."
    part, source = max(sources)
    frame = source // _READ_IN_FRAME + 1
    return (
        f"With the step sizes fixed the scan is a sum, so that every answer can be taken apart: "
        f"{100 * part / total:.0f} % of what step {step + 1} says comes from the ball in frame "
        f"{frame}. Hidden states does this for real models, and says how well the sum comes out."
    )


_SLOW = ToySetting(kept_empty=0.9, kept_ball=0.5)

CHAPTERS: tuple[Chapter, ...] = (
    Chapter("A clip becomes a row", ORDER, _SLOW, 0, _tokens, "Change the order of reading."),
    Chapter("A state remembers", STATE, _SLOW, 3, _memory, "Play, and check a sum by hand."),
    Chapter(
        "It forgets",
        STATE,
        _SLOW,
        26,
        _forgetting,
        "Let an empty patch keep 0.99, then 0.25 of the state.",
    ),
    Chapter(
        "It chooses",
        STATE,
        ToySetting(kept_empty=0.99, kept_ball=0.5),
        26,
        _choosing,
        "Let the ball keep 0.99 as well: it then writes next to nothing.",
    ),
    Chapter(
        "Order decides what is near",
        STATE,
        ToySetting("temporal_first", kept_empty=0.9, kept_ball=0.5),
        17,
        _order,
        "Compare spatial first with temporal first.",
    ),
    Chapter(
        "Two directions",
        STATE,
        ToySetting(direction="backward", kept_empty=0.9, kept_ball=0.5),
        26,
        _directions,
        "Switch between forward and backward.",
    ),
    Chapter(
        "The answer adds up",
        PARTS,
        _SLOW,
        23,
        _adding_up,
        "Move the step: which token knows of all three sights of the ball?",
    ),
)
