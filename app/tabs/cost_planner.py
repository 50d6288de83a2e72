"""What fits: from the curves above to the clip that a memory can hold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import gradio as gr

from app.components.cost_table import plan_table
from app.components.explanation import caption, how_it_is_computed, what_to_look_at
from app.components.export import exported, result_export
from app.components.notice import empty_notice, guarded
from app.components.sorted_table import build_sorted_table
from app.context import AppContext
from app.figures.cost_sentences import plan_sentence
from app.tabs.cost_how import HOW_PLAN

if TYPE_CHECKING:  # It brings what only a measurement needs; the page opens without.
    from analysis.profiling.sweep.run import Sweep

WAITING = "The plan follows the curves above once there are some."


def build_cost_planner(context: AppContext, shown: gr.State) -> None:
    """Place the planner; it follows `shown`, the sweep whose curves stand above."""
    with gr.Row(elem_classes="cost-row"):
        memory = gr.Number(24, label="Memory (GB)", minimum=0.01, elem_id="plan-memory")
        frames = gr.Number(64, label="Frames (0: as many as fit)", precision=0, minimum=0)
        size = gr.Number(224, label="Pixels a side", precision=0, minimum=16)
        batch = gr.Number(1, label="Clips at once", precision=0, minimum=1)
    notice = gr.HTML(
        empty_notice(), apply_default_css=False, elem_id="plan-notice", elem_classes="notice-line"
    )
    sentence = caption(WAITING, "plan-sentence")
    table = build_sorted_table(plan_table(()), "plan-table", "What fits")
    export = result_export("plan")
    how_it_is_computed(HOW_PLAN)

    @guarded(notice)
    def plan(
        sweep: Sweep | None, memory_gb: float, count: int, image_size: int, clips: int
    ) -> Iterator[dict]:
        if sweep is None:
            yield {notice: gr.skip()}
            return
        from analysis.profiling.sweep.planner import plans

        wanted = int(count or 0) or None
        budget = 1e9 * (memory_gb or 0)
        found = plans(sweep, budget, int(image_size or 0), batch=int(clips or 0), frames=wanted)
        settings = {
            "memory_bytes": budget,
            "frames": wanted,
            "image_size": image_size,
            "batch": clips,
            "spec": sweep.spec.row(),
            "machine": sweep.machine,
        }
        rows = [one.row() for one in found]
        yield {
            notice: empty_notice(),
            sentence: what_to_look_at(plan_sentence(found, wanted is not None, budget)),
            table: plan_table(found),
            export: exported("cost-plan", rows, settings),
        }

    inputs = [shown, memory, frames, size, batch]
    gr.on(
        [shown.change, memory.change, frames.change, size.change, batch.change],
        plan,
        inputs,
        [notice, sentence, table, export],
        trigger_mode="always_last",
        show_progress="hidden",
        api_visibility="private",
    )
