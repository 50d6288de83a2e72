"""The kernels of Adaptor-S as small pictures, with the energy of each scale."""

from html import escape

import numpy as np
from PIL import Image

from app.adaptor_runs import Report
from app.figures.heat import data_address, png_bytes, scale_colors
from app.figures.number_format import percent, significant
from app.theme import DIVERGING, SEQUENTIAL

_MOST_SHOWN = 8


def no_kernels_view(sentence: str) -> str:
    """The place of the pictures while there are none."""
    return f'<div class="kernel-view"><div class="field-empty">{escape(sentence)}</div></div>'


def kernels_view(look: Report) -> str:
    """A row per dilation, and all of them on one grid of tokens."""
    kernels = look["kernels"]
    if kernels is None:
        return no_kernels_view("Without Adaptor-S there are no kernels.")
    scales = kernels["scales"]
    total = sum(scale["energy"] for scale in scales)
    if total == 0:
        return no_kernels_view("All kernels are zero: Adaptor-S adds nothing.")
    largest = max(np.abs(scale["strongest"]).max() for scale in scales)
    sizes = max(np.max(scale["size"]) for scale in scales)
    rows = "".join(_row(scale, total, largest, sizes) for scale in scales)
    met = np.asarray(kernels["footprint"])
    whole = _image(met / met.max(), SEQUENTIAL, "All scales on one grid of tokens", "kernel-whole")
    return (
        f'<div class="kernel-view"><div class="kernel-rows">{rows}</div><figure>{whole}'
        f"<figcaption>All scales together: {met.shape[0]} \N{MULTIPLICATION SIGN} "
        f"{met.shape[1]} tokens, root mean square over channels</figcaption></figure></div>"
    )


def _row(scale: Report, total: float, largest: float, sizes: float) -> str:
    share = scale["energy"] / total
    name = f"Dilation {scale['dilation']}"
    mean = _image(np.asarray(scale["size"]) / sizes, SEQUENTIAL, f"{name}, all channels", "")
    strongest = "".join(
        _image((1 + np.asarray(one) / largest) / 2, DIVERGING, f"{name}, channel {number}", "")
        for one, number in list(zip(scale["strongest"], scale["channels"], strict=True))[
            :_MOST_SHOWN
        ]
    )
    return (
        f'<div class="kernel-row"><div class="kernel-name"><b>{name}</b>'
        f"<small>energy {significant(scale['energy'])}, {percent(share)}</small>"
        f'<span class="bar-track"><i style="width:{100 * share:.1f}%"></i></span></div>'
        f'{mean}<span class="kernel-strongest">{strongest}</span></div>'
    )


def _image(at: np.ndarray, scale: str, words: str, name: str) -> str:
    """Values 0..1 as a picture of one pixel each, enlarged by the browser."""
    colors = scale_colors(scale)
    pixels = colors[np.round(np.clip(at, 0, 1) * (len(colors) - 1)).astype(int)]
    address = data_address(png_bytes(Image.fromarray(pixels)), "image/png")
    return f'<img class="kernel {name}" src="{address}" alt="{escape(words)}" title="{words}">'
