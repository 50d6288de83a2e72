"""What the token pictures of a traced layer show: a map of contributions, and its step sizes."""

from typing import Any

from analysis.attribution.memory.layer_memory import LayerMemory
from app.components.token_picture import token_picture
from app.figures.color_scale import RANGE
from app.figures.layer_sentences import frame_strip, map_title, question_unit
from app.layer_answers import LayerMaps
from app.selection import Selection

SHARES = ("signed_share", "alti")
"""Scores that are fractions of something, written as percentages."""
_READ_OUT = {"cls": "CLS token", "mean": "Mean of all patches"}


def map_picture(found: LayerMaps, selection: Selection) -> dict[str, Any]:
    """The answer to a question, as `token_picture` takes it to the browser."""
    asked, tubelet = found.asked, found.tubelet
    subject = asked.question.subject
    before = asked.grid.class_tokens if subject.kind == "token" else 0
    return token_picture(
        asked.values,
        asked.grid,
        title=map_title(asked, found.readout, tubelet, found.layer, found.depth),
        unit=question_unit(asked.question, found.label),
        signed=asked.signed,
        as_share=asked.question.score in SHARES,
        subject={"kind": subject.kind, "index": subject.index - before},
        frame_shares=frame_strip(asked),
        readout=_READ_OUT[found.readout],
        tubelet=tubelet,
        clip=selection.clip_name,
        file_name=f"{selection.clip_name}-{asked.settings['subject']}-layer-{found.layer}",
    )


def delta_picture(
    memory: LayerMemory, direction: str, found: LayerMaps, selection: Selection
) -> dict[str, Any]:
    """Step sizes of "forward", "backward" or the mean of "both" over the clip."""
    which = "" if direction == "both" else f" of the {direction} scan"
    return token_picture(
        memory.delta_of(direction)[0],
        memory.grid,
        title=f"Step size \N{GREEK CAPITAL LETTER DELTA}{which} in layer {found.layer}",
        unit="mean step size over channels",
        tubelet=found.tubelet,
        clip=selection.clip_name,
        file_name=f"{selection.clip_name}-delta-layer-{found.layer}",
        kinds=(RANGE,),
    )
