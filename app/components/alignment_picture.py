"""Cosines of a student with its teacher over the clip, what the mask hides left dark."""

from typing import Any

import numpy as np

from analysis.layers.token_grid import TokenGrid
from app.alignment_runs import Report
from app.components.token_picture import token_picture
from app.figures.alignment import cosine
from app.figures.color_scale import RANGE
from app.figures.number_format import NO_VALUE


def alignment_picture(report: Report) -> dict[str, Any]:
    """The last aligned layer, as `token_picture` takes it to the browser."""
    layer, grid = report["layers"][-1], TokenGrid(*report["grid"])
    values = np.array(layer["tokens"], np.float64).reshape(grid.t, grid.h, grid.w)
    return token_picture(
        values,
        grid,
        title=f"{report['student']} beside {report['teacher']}",
        unit="cosine of the student's and the teacher's token; the mask hides the dark ones",
        frame_shares=[
            {"share": mean or 0.0, "words": NO_VALUE if mean is None else cosine(mean)}
            for mean in layer["by_frame"]
        ],
        tubelet=report["tubelet"],
        clip=report["clip"],
        file_name=f"{report['clip']}-alignment",
        kinds=(RANGE,),
    )
