"""Token pictures of a small MoMa: how it modulates a clip, and what a token hears of."""

from typing import Any

import numpy as np

from analysis.layers.token_grid import TokenGrid
from analysis.prediction import SampledClip
from app.components.token_picture import token_picture
from app.figures.color_scale import LINEAR, LOGARITHMIC, RANGE
from app.figures.film import film
from app.figures.moma import MEASURE_TITLES
from app.figures.number_format import percent
from app.moma_runs import MomaLook, MomaReach

_UNITS = {
    "scale": "mean over channels of |y1|, beside 1",
    "bias": "length of y2 over that of the token",
    "turn": "1 \N{MINUS SIGN} cosine of the token after and before",
}
_REACH_TITLES = {"windows": "Windows only", "scans": "Windows and scans"}


def modulation_picture(
    look: MomaLook, sampled: SampledClip, layer: int, measure: str
) -> dict[str, Any] | None:
    """One measure of one modulation, from 1, as `token_picture` takes it; None where there is none.

    A fusion may have no scale or no bias.
    """
    values = look.layers[layer - 1][measure]
    if values is None:
        return None
    return token_picture(
        np.array(values).reshape(look.grid),
        TokenGrid(*look.grid),
        title=f"{MEASURE_TITLES[measure]}, in modulation {layer} of {len(look.layers)}",
        unit=_UNITS[measure],
        clip=look.clip,
        file_name=f"{look.clip}-moma-{measure}-{layer}",
        kinds=(RANGE,),
        film=film(sampled, TokenGrid(*look.grid)),
    )


def reach_picture(reach: MomaReach, sampled: SampledClip, which: str) -> dict[str, Any]:
    """What the token hears of with "windows" only or with "scans" too, with shares of frames."""
    values = np.array(getattr(reach, which)["values"]).reshape(reach.grid)
    t, h, w = reach.grid
    frame, row, column = reach.token
    by_frame = (values**2).sum((1, 2))
    shares = by_frame / (by_frame.sum() or 1.0)
    return token_picture(
        values,
        TokenGrid(t, h, w),
        title=f"{_REACH_TITLES[which]}: what row {row + 1}, column {column + 1} of frame "
        f"{frame + 1} hears of",
        unit="length of the gradient",
        subject={"kind": "token", "index": (frame * h + row) * w + column},
        frame_shares=[{"share": float(one), "words": percent(float(one))} for one in shares],
        clip=reach.clip,
        file_name=f"{reach.clip}-moma-reach-{which}",
        kinds=(LOGARITHMIC, LINEAR),
        film=film(sampled, TokenGrid(t, h, w)),
    )
