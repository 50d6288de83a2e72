"""Scan lab: the same weights read the same clip in one scan order after another."""

from collections.abc import Iterator, Sequence
from typing import Any

import gradio as gr

from analysis.ops.scan_order import SCAN_ORDERS
from app.api import RequestError, endpoint_errors, requested_selection
from app.components.explanation import caption, how_it_is_computed, what_to_look_at
from app.components.export import exported, result_export
from app.components.notice import done, failed, guarded, stopped, working
from app.components.scan_path import build_scan_path, scan_path
from app.components.scan_table import build_scan_table, scan_table
from app.components.titled_plot import titled_plot
from app.context import ANEW, HEAVY, AppContext
from app.figures.number_format import duration
from app.figures.scan_orders import (
    answers_figure,
    distance_figure,
    divergence_figure,
    reach_figure,
)
from app.figures.scan_sentences import (
    answers_sentence,
    classes_sentence,
    cost_sentence,
    distance_sentence,
    reach_sentence,
)
from app.order_answers import (
    Row,
    estimated_ms,
    order_rows,
    planned_order_rows,
    unknown_orders,
)
from app.selection import Selection
from app.session import Session
from app.theme import SCAN_ORDER_NAMES

EXPORTED_CLASSES = 5
LONG_MS = 3000
"""A run that should take longer says so before it starts."""
CHOOSE_ONE = "Choose at least one scan order above, then press Compare."

HOW_ANSWERS = """
Every layer of VideoMamba reads its tokens as one sequence, once forward and once backward. A scan
order says in which sequence. Here the weights stay as they are and only the sequence changes.

- **Divergence** is the Jensen-Shannon divergence of the class probabilities $p$ from those of the
  trained order $q$, in bits: with $m = (p+q)/2$, half of
  $\\sum p \\log_2 (p/m) + \\sum q \\log_2 (q/m)$. It is 0 for equal answers and at most 1; a class
  of probability 0 adds nothing on its own side, so nothing is smoothed.
- **Agreement** says whether the most probable class is the same, with Spearman's rank correlation
  of all classes.
- **Time** is the median of one forward pass, timed in turn with passes in the trained order, so
  that a machine that slows down slows both; decoding apart. A model whose single pass takes over
  two seconds is run once per order. **Memory** is the peak above weights and clip in one pass: of
  the process on a CPU, of the allocator on a GPU.
- **Exact:** answers and geometry. **Measured here:** time and memory.
- **Robustness, not quality.** Weights are fitted to the neighbours of their own order. Another
  order run on them shows how well they bear reordering; which order is better takes one model
  trained per order.
- **Trained in this order** is such a model: the same size, data, number of clips and seed for
  every order (the scan-order study, tab Results). It names camera moves and motion-captured
  actions, so its classes may differ from those of the weights that are reordered. Where these
  weights are that model themselves, its answer is the one in the row already.
- **Our reading:** released code has the spatial-first order only. The other six follow the
  paper's text; v1 reads spatial first forward and temporal first backward, v2 reads both orders
  in both directions with shared parameters and averages them. CLS keeps its place.

Sources: VideoMamba (Li et al., 2024), section 3.2 and Fig. 7a; Lin (1991) for the divergence.
"""

HOW_GEOMETRY = """
With $p(i)$ the scan position of token $i$, the distance of two tokens is $|p(i) - p(j)|$; reading
backwards does not change it. **Spatial** neighbours share a side within a frame, **temporal** ones
are the same place in consecutive frames. A layer that reads several orders counts, for each pair,
the one that brings it nearest; plans with two kinds of layers show both (a | b in the table).

- **Conv reach:** share of neighbours at most $K - 1$ steps apart, with $K$ taps.
- **Contiguity:** share of consecutive scan positions that are neighbours on the grid.
- The exported file adds the largest distances, the mean Manhattan jump and the decay-weighted
  locality, the mean of $e^{-\\lambda |p(i) - p(j)|}$ with $\\lambda$ the mean of
  $\\Delta \\cdot |A|$ that these weights have on this clip.

All of it is exact and needs no weights (except $\\lambda$). CLS is left out.
"""


def build_scan_lab(context: AppContext) -> None:
    """Lay out the tab and connect it; registers the endpoint /compare_scans."""
    session = context.session
    first = Selection(*(part.value for part in context.selection_inputs))
    planned = planned_order_rows(first, SCAN_ORDERS)
    with gr.Row(elem_classes="action-row"):
        run = gr.Button("Compare", variant="primary", size="sm", elem_id="scan-lab-run")
        stop = gr.Button("Stop", size="sm", elem_id="scan-lab-stop")
        panel = context.panel("scan_lab", automatic=lambda chosen: _quick(session, chosen))
    orders = gr.CheckboxGroup(
        [(SCAN_ORDER_NAMES[order], order) for order in SCAN_ORDERS],
        value=list(SCAN_ORDERS),
        label="Scan orders to compare",
        elem_id="scan-orders",
    )
    table = build_scan_table(scan_table(planned))
    with gr.Row(elem_classes="under-row"):
        answers_caption = caption(answers_sentence(planned), "scan-lab-caption")
        export = result_export("scan_lab")
    with gr.Row(elem_classes="figure-row"):
        with gr.Column(min_width=320):
            answers = titled_plot(answers_figure(planned), "Probability of the leading classes")
            classes_caption = caption(classes_sentence(planned))
        with gr.Column(min_width=320):
            divergence = titled_plot(divergence_figure(planned), "Distance from the trained answer")
            cost_caption = caption(cost_sentence(planned))
    how_it_is_computed(HOW_ANSWERS)
    gr.HTML(
        '<h3 class="section-heading">The path over the clip</h3>',
        apply_default_css=False,
    )
    path = build_scan_path(scan_path(planned))
    with gr.Row(elem_classes="figure-row"):
        with gr.Column(min_width=320):
            distance = titled_plot(distance_figure(planned), "Steps between neighbours")
            distance_caption = caption(distance_sentence(planned))
        with gr.Column(min_width=320):
            reach = titled_plot(reach_figure(planned), "Neighbours within the convolution")
            reach_caption = caption(reach_sentence(planned))
    how_it_is_computed(HOW_GEOMETRY)
    known = gr.State({})

    def drawn(rows: Sequence[Row]) -> dict:
        """Every part of the tab that shows `rows`."""
        return {
            table: scan_table(rows),
            answers: answers_figure(rows),
            divergence: divergence_figure(rows),
            distance: distance_figure(rows),
            reach: reach_figure(rows),
            answers_caption: what_to_look_at(answers_sentence(rows)),
            classes_caption: what_to_look_at(classes_sentence(rows)),
            cost_caption: what_to_look_at(cost_sentence(rows)),
            distance_caption: what_to_look_at(distance_sentence(rows)),
            reach_caption: what_to_look_at(reach_sentence(rows)),
        }

    @panel.computing
    def compare(
        asked: str | Selection,
        chosen: list[str],
        clip: str,
        model: str,
        frames: int,
        size: int,
        order: str,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 (Gradio finds it by its default)
    ) -> Iterator[dict]:
        selection = Selection(clip, model, frames, size, order)
        if not chosen:
            yield {panel.notice: failed(CHOOSE_ONE)}
            return
        plan = {row["scan_order"]: row for row in planned_order_rows(selection, chosen)}
        rows: dict[str, Row] = {}
        yield {
            path: scan_path(list(plan.values())),
            panel.notice: working(_stage(session, selection, chosen)),
        }
        for row in order_rows(session, selection, chosen, asked == ANEW, progress):
            rows[row["scan_order"]] = row
            yield {
                **drawn(list((plan | rows).values())),
                known: {"selection": selection, "rows": dict(rows)},
                export: _exported(selection, list(rows.values())),
                panel.notice: working(f"{len(rows)} of {len(chosen)} orders"),
            }
        yield {panel.shown: selection, panel.notice: done(_finished(len(rows)))}

    @guarded(panel.notice)
    def plan(chosen: list[str], known: dict, *values: Any) -> Iterator[dict]:
        """Redraw for other orders or another grid; rows measured for this selection stay."""
        selection = Selection(*values)
        planned = planned_order_rows(selection, chosen)
        update = {path: scan_path(planned)}
        if known.get("selection") in (None, selection):
            rows = known.get("rows", {})
            update |= drawn([rows.get(row["scan_order"], row) for row in planned])
        yield update

    captions = [answers_caption, classes_caption, cost_caption, distance_caption, reach_caption]
    shown = [path, table, answers, divergence, distance, reach, *captions, panel.notice]
    results = [*shown, known, export, panel.shown]
    quiet = {"show_progress": "hidden", "api_visibility": "private"}
    running = {**quiet, **HEAVY, "trigger_mode": "always_last"}
    choice = [orders, *context.selection_inputs]
    comparing = [
        run.click(compare, [gr.State(ANEW), *choice], results, **running),
        panel.request.change(compare, [panel.request, *choice], results, **running),
    ]
    gr.on(
        [orders.input, context.changed.change],
        plan,
        [orders, known, *context.selection_inputs],
        shown,
        queue=False,
        trigger_mode="always_last",
        **quiet,
    )
    stop.click(stopped, None, panel.notice, cancels=comparing, queue=False, **quiet)
    _build_endpoint(session, first.model)


def _build_endpoint(session: Session, default_model: str) -> None:
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
        return [_trimmed(rows[order], int(top)) for order in chosen]

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


def _quick(session: Session, selection: Selection) -> bool:
    """Whether all orders are known, or so soon measured that nobody need ask."""
    missing = unknown_orders(session, selection, SCAN_ORDERS)
    return estimated_ms(session, selection, len(missing)) <= 1000 * session.settings.patience_s


def _stage(session: Session, selection: Selection, chosen: Sequence[str]) -> str:
    estimate = estimated_ms(session, selection, len(chosen))
    about = f", about {duration(estimate)}" if estimate > LONG_MS else ""
    return f"{selection.model} reads {selection.clip_name} in {_orders(len(chosen))}{about}"


def _finished(count: int) -> str:
    return f"{_orders(count).capitalize()} compared"


def _orders(count: int) -> str:
    return "one order" if count == 1 else f"{count} orders"


def _trimmed(row: Row, top: int) -> Row:
    return row | {"predictions": row["predictions"][: max(1, top)]}


def _exported(selection: Selection, rows: Sequence[Row]) -> dict:
    settings = {
        "clip": selection.clip_name,
        "model": selection.model,
        "num_frames": selection.num_frames,
        "image_size": selection.image_size,
    }
    trimmed = [_trimmed(row, EXPORTED_CLASSES) for row in rows]
    return exported(f"{selection.clip_name}-scan-orders", trimmed, settings)
