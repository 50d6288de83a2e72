"""The map of what adaptors add, as a token picture that asks about tokens."""

from typing import Any

import numpy as np

from analysis.layers.token_grid import TokenGrid
from analysis.prediction import SampledClip
from app.adaptor_runs import Report
from app.components.token_picture import token_picture
from app.figures.color_scale import LINEAR
from app.figures.film import film

SHARES = {
    "both": "Memory and convolutions",
    "memory": "Memory, Adaptor-T",
    "convolutions": "Convolutions, Adaptor-S",
}
"""Parts of a look's `share`, as a visitor reads them."""


def share_picture(look: Report, sampled: SampledClip, part: str) -> dict[str, Any]:
    """|y' - y| / |y| over the clip, as `token_picture` takes it to the browser."""
    grid = TokenGrid(*look["grid"])
    values = np.asarray(look["share"][part][grid.class_tokens :]).reshape(grid.t, grid.h, grid.w)
    token = look["token"]
    subject = {"kind": "readout", "index": 0}
    if token:
        subject = {"kind": "token", "index": token - grid.class_tokens}
    untrained = "" if look["training"] != "untrained" else ", untrained"
    return token_picture(
        values,
        grid,
        title=f"{SHARES[part]}{untrained}: what is added in layer {look['layer']} of "
        f"{look['layers']}",
        unit="|y\N{PRIME} \N{MINUS SIGN} y| / |y|, y of the host",
        as_share=True,
        subject=subject,
        readout="CLS token",
        tubelet=look["tubelet"],
        clip=look["clip"],
        file_name=f"{look['clip']}-adaptors-layer-{look['layer']}",
        kinds=(LINEAR,),
        film=film(sampled, grid),
    )
