"""/attribution: one map for a program."""

from collections.abc import Sequence

import gradio as gr

from analysis.attribution.attribution import find_method
from analysis.nearest_names import nearest
from app.api import RequestError, endpoint_errors, requested_selection
from app.attributions import (
    DEFAULT_METHODS,
    TOP_CLASS,
    class_probabilities,
    explained_class,
    fresh_map,
    recalled_map,
    selection_settings,
)
from app.context import HEAVY
from app.session import Session, planned


def build_attribution_endpoint(session: Session, default_model: str) -> None:
    """Register the endpoint; its widgets are never shown."""

    @endpoint_errors
    def attribution(
        file: str | None,
        model: str,
        method: str,
        class_name: str,
        frames: float | None,
        resolution: float | None,
        scan_order: str,
    ) -> dict:
        selection = requested_selection(file, model, frames, resolution, scan_order)
        find_method(method)
        classes = class_probabilities(session, selection)
        explained = explained_class(classes, requested_class(class_name, classes))
        one = recalled_map(session, selection, method, explained.index)
        return {
            **selection_settings(selection),
            "probability": explained.probability,
            "trained": planned(selection).card.training != "untrained",
            **(one or fresh_map(session, selection, method, explained.index)),
        }

    with gr.Row(visible=False):
        file = gr.File(label="file")
        model = gr.Textbox(default_model, label="model")
        method = gr.Textbox(DEFAULT_METHODS[0], label="method")
        class_name = gr.Textbox("", label="class_name")
        frames = gr.Number(0, label="frames", precision=0)
        resolution = gr.Number(0, label="resolution", precision=0)
        scan_order = gr.Textbox("", label="scan_order")
        result = gr.JSON(label="result")
        gr.Button("attribution").click(
            attribution,
            [file, model, method, class_name, frames, resolution, scan_order],
            result,
            api_name="attribution",
            api_description=(
                "A map (`values`, flattened, of shape `grid`: time, rows, columns of tokens) of "
                "one class by one method, with `completeness_error` (null where the method "
                "promises no sum), `bias_share`, what it omits, settings and seed. `class_name` "
                "is a label or an index; empty: the most probable class. Frames and resolution 0 "
                "and an empty scan order mean: as trained."
            ),
            **HEAVY,
        )


def requested_class(asked: str, classes: Sequence[tuple[int, str, float]]) -> int:
    """Index of the class that a program named by label or index; TOP_CLASS for an empty name.

    Raises RequestError naming the nearest.
    """
    wanted = asked.strip()
    if not wanted:
        return TOP_CLASS
    found = [index for index, label, _ in classes if wanted in (label, str(index))]
    if not found:
        labels = [label for _, label, _ in classes]
        raise RequestError(f"There is no class {wanted!r}; {nearest(wanted, labels[:50])}")
    return found[0]
