"""/compare_scans: one clip in one scan order after another, for programs."""

import gradio as gr

from analysis.ops.scan_order import SCAN_ORDERS
from app.api import RequestError, endpoint_errors, requested_selection
from app.context import HEAVY
from app.order_answers import Row, order_rows
from app.session import Session

EXPORTED_CLASSES = 5


def build_scan_lab_endpoint(session: Session, default_model: str) -> None:
    """Register /compare_scans; its widgets are never shown."""

    @endpoint_errors
    def compare_scans(
        file: str | None,
        model: str,
        orders: str,
        frames: float | None,
        resolution: float | None,
        top: float,
    ) -> list[Row]:
        selection = requested_selection(file, model, frames, resolution)
        chosen = chosen_orders(orders)
        rows = {
            row["scan_order"]: row for row in order_rows(session, selection, chosen, anew=False)
        }
        return [trimmed(rows[order], int(top)) for order in chosen]

    with gr.Row(visible=False):
        file = gr.File(label="file")
        model = gr.Textbox(default_model, label="model")
        orders = gr.Textbox("all", label="orders")
        frames = gr.Number(0, label="frames", precision=0)
        resolution = gr.Number(0, label="resolution", precision=0)
        top = gr.Number(EXPORTED_CLASSES, label="top", precision=0)
        result = gr.JSON(label="result")
        gr.Button("compare_scans").click(
            compare_scans,
            [file, model, orders, frames, resolution, top],
            result,
            api_name="compare_scans",
            api_description=(
                "One row per scan order: answer, divergence from the trained order, time, memory "
                "and geometry. `orders` is all, or names separated by commas; `frames` and "
                "`resolution` are as trained when 0. Reordered weights show robustness to "
                "reordering, not the quality of an order."
            ),
            **HEAVY,
        )


def chosen_orders(names: str) -> tuple[str, ...]:
    """Scan orders from "all" or from names separated by commas; a repeated name counts once.

    Raises RequestError for an unknown name or none at all.
    """
    if names.strip() == "all":
        return SCAN_ORDERS
    chosen = tuple(dict.fromkeys(name.strip() for name in names.split(",") if name.strip()))
    unknown = [name for name in chosen if name not in SCAN_ORDERS]
    if unknown or not chosen:
        what = f"There is no scan order {unknown[0]!r}" if unknown else "No scan order was named"
        raise RequestError(f"{what}; send all, or some of {', '.join(SCAN_ORDERS)}.")
    return chosen


def trimmed(row: Row, top: int) -> Row:
    """The row with its `top` most probable classes, at least one."""
    return row | {"predictions": row["predictions"][: max(1, top)]}
