"""What each patch of a moment brings to its match with a text, over the moment's own frames."""

from typing import Any

import numpy as np

from app.components.token_picture import token_picture
from app.figures.color_scale import LINEAR
from app.figures.film import film
from app.figures.match_bars import LEVEL_TITLES, signed
from app.figures.number_format import clock
from app.match_runs import ExplainedMatch

_UNITS = {
    "final": "part of the similarity that each patch brings, after the last layer",
    "entering": "part of the similarity that each patch brings through the last layer",
}


def match_picture(found: ExplainedMatch, level: str) -> dict[str, Any]:
    """Signed contributions at one of `LEVEL_TITLES`, as `token_picture` takes them."""
    report, grid = found.report, found.grid
    parts = report["levels"][level]
    values = np.array(parts["tokens"], np.float64).reshape(grid.t, grid.h, grid.w)
    widest = max(map(abs, parts["by_step"])) or 1.0
    return token_picture(
        values,
        grid,
        title=f"{report['clip']}, {clock(report['t0'])}\N{EN DASH}{clock(report['t1'])} s: "
        f"{LEVEL_TITLES[level].lower()}",
        unit=_UNITS[level],
        signed=True,
        frame_shares=[
            {"share": amount / widest, "words": signed(amount)} for amount in parts["by_step"]
        ],
        tubelet=report["tubelet"],
        clip=report["clip"],
        file_name=f"{report['clip']}-why",
        kinds=(LINEAR,),
        film=film(found.sampled, grid),
    )
