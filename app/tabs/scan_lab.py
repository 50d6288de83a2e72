"""Scan lab: the same weights read the same clip in one scan order after another."""

from collections.abc import Iterator, Sequence

import gradio as gr

from analysis.ops.scan_order import SCAN_ORDERS
from app.components.explanation import caption, how_it_is_computed, section_heading, what_to_look_at
from app.components.export import exported, result_export
from app.components.notice import done, failed, guarded, stopped, working
from app.components.packed import packed
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
from app.tabs.scan_lab_endpoint import EXPORTED_CLASSES, build_scan_lab_endpoint, trimmed
from app.tabs.scan_lab_how import HOW_ANSWERS, HOW_GEOMETRY
from app.theme import SCAN_ORDER_NAMES

LONG_MS = 3000
"""A run that should take longer says so before it starts."""
CHOOSE_ONE = "Choose at least one scan order above, then press Compare."


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
    section_heading("The path over the clip")
    path = build_scan_path(packed(scan_path(planned)))
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
            path: packed(scan_path(list(plan.values()))),
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
    def plan(chosen: list[str], known: dict, settled: Selection | None) -> Iterator[dict]:
        """Redraw for other orders or another grid; rows measured for this selection stay."""
        selection = settled or first
        planned = planned_order_rows(selection, chosen)
        update = {path: packed(scan_path(planned))}
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
        [orders, known, context.changed],
        shown,
        queue=False,
        trigger_mode="always_last",
        **quiet,
    )
    stop.click(stopped, None, panel.notice, cancels=comparing, queue=False, **quiet)
    build_scan_lab_endpoint(session, first.model)


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


def _exported(selection: Selection, rows: Sequence[Row]) -> dict:
    settings = {
        "clip": selection.clip_name,
        "model": selection.model,
        "num_frames": selection.num_frames,
        "image_size": selection.image_size,
    }
    leading = [trimmed(row, EXPORTED_CLASSES) for row in rows]
    return exported(f"{selection.clip_name}-scan-orders", leading, settings)
