"""Named endpoints for programs: the same work as the tabs, answers as JSON."""

import functools
from collections.abc import Callable
from dataclasses import asdict

import gradio as gr

from analysis.ops.scan_order import FIXED_ORDER, SCAN_ORDERS
from analysis.weights import weights_card
from analysis.weights.rows import weights_rows
from app.answers import answer
from app.components.notice import plain_sentence
from app.components.sidebar import trained_frames
from app.context import HEAVY
from app.selection import Selection, trained_order
from app.session import Session


class RequestError(ValueError):
    """A request that cannot be served; the message is one sentence."""


def endpoint_errors(endpoint: Callable) -> Callable:
    """Decorator: every error reaches the caller as one sentence."""

    @functools.wraps(endpoint)
    def in_words(*values):
        try:
            return endpoint(*values)
        except RequestError as error:
            raise gr.Error(str(error), print_exception=False) from error
        except Exception as error:
            raise gr.Error(plain_sentence(error), print_exception=False) from error

    return in_words


def requested_selection(
    file: str | None,
    model: str,
    frames: float | None = None,
    resolution: float | None = None,
    scan_order: str | None = None,
) -> Selection:
    """A Selection from what a program sent; what is empty or 0 is as trained.

    Raises RequestError and WeightsError, one sentence each.
    """
    if not file:
        raise RequestError("No file was sent; send a video as `file`.")
    card = weights_card(model)
    order = scan_order or trained_order(card)
    if card.scan_order is None and order != FIXED_ORDER:
        raise RequestError(f"{card.name} has no scan order to choose; leave it out.")
    if order not in (*SCAN_ORDERS, FIXED_ORDER):
        raise RequestError(
            f"There is no scan order {order!r}; choose one of {', '.join(SCAN_ORDERS)}."
        )
    for name, value in (("frames", frames), ("resolution", resolution)):
        if value is not None and value < 0:
            raise RequestError(f"{name} is {value:g}; ask for a number above 0, or 0 as trained.")
    return Selection(
        clip=file,
        model=model,
        num_frames=int(frames or trained_frames(card)),
        image_size=int(resolution or card.image_size),
        scan_order=order,
    )


def build_api(session: Session, default_model: str) -> None:
    """Register /predict and /models; their widgets are never shown."""

    @endpoint_errors
    def predict(
        file: str | None,
        model: str,
        frames: float | None,
        resolution: float | None,
        scan_order: str,
        top: float,
    ) -> dict:
        selection = requested_selection(file, model, frames, resolution, scan_order)
        given = answer(session, selection)
        prediction = asdict(given.prediction)
        prediction["predictions"] = prediction["predictions"][: max(1, int(top))]
        return {
            **prediction,
            "trained": given.prediction.training != "untrained",
            "recalled": given.recalled,
        }

    @endpoint_errors
    def models() -> list:
        return weights_rows()

    with gr.Row(visible=False):
        file = gr.File(label="file")
        model = gr.Textbox(default_model, label="model")
        frames = gr.Number(0, label="frames", precision=0)
        resolution = gr.Number(0, label="resolution", precision=0)
        scan_order = gr.Textbox("", label="scan_order")
        top = gr.Number(5, label="top", precision=0)
        result = gr.JSON(label="result")
        gr.Button("predict").click(
            predict,
            [file, model, frames, resolution, scan_order, top],
            result,
            api_name="predict",
            api_description=(
                "What a model says about a clip. Frames and resolution 0 and an empty scan order "
                "mean: as trained. `trained` is false for random weights."
            ),
            **HEAVY,
        )
        gr.Button("models").click(
            models,
            None,
            result,
            api_name="models",
            api_description="A row per set of weights; only classifiers have `parameters`.",
        )
