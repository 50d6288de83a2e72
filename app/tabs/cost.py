"""Cost: what models need in time and memory as clips grow, measured where the page runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count
from typing import TYPE_CHECKING, Any

import gradio as gr

from analysis.profiling.errors import ProfilingError
from analysis.profiling.sweep.spec import SweepSpec
from app.components.cost_table import cost_table, growth_table
from app.components.explanation import (
    caption,
    how_it_is_computed,
    section_heading,
    what_to_look_at,
)
from app.components.export import exported, result_export
from app.components.file_export import file_saver, saved_file
from app.components.notice import done, empty_notice, guarded, working
from app.components.sorted_table import build_sorted_table
from app.components.titled_plot import titled_plot
from app.context import HEAVY, AppContext
from app.cost_sweeps import (
    HERE,
    estimated_s,
    reference_sweep,
    shown_sweeps,
    tokens_of_paper,
)
from app.figures.cost_curves import AXES, cost_figure, ratio_figure
from app.figures.cost_sentences import (
    conditions,
    growth_sentence,
    ratio_sentence,
)
from app.figures.number_format import duration
from app.tabs.cost_controls import build_cost_controls, requested_spec
from app.tabs.cost_endpoint import build_cost_endpoints
from app.tabs.cost_flops import build_cost_flops
from app.tabs.cost_how import HOW_CURVES
from app.tabs.cost_planner import build_cost_planner
from app.tabs.cost_profile import build_cost_profile

if TYPE_CHECKING:  # It brings what only a measurement needs; the page opens without.
    from analysis.profiling.sweep.run import Sweep
    from analysis.profiling.sweep.summary import SweepSummary

NOT_MEASURED = "Nothing was measured on this server yet; press Measure."
_QUIET = {"show_progress": "hidden", "api_visibility": "private"}


def build_cost(context: AppContext) -> None:
    """Lay out the tab and connect it; registers the endpoints /cost and /cost_plan."""
    runs = context.session.cost_runs
    references = shown_sweeps()
    with gr.Row(elem_classes="action-row"):
        run = gr.Button("Measure", variant="primary", size="sm", elem_id="cost-run")
        stop = gr.Button("Stop", size="sm", elem_id="cost-stop")
        notice = gr.HTML(
            empty_notice(),
            apply_default_css=False,
            elem_id="cost-notice",
            elem_classes="notice-line",
        )
    with gr.Row(elem_classes="cost-row"):
        source = gr.Dropdown(
            [*((title, name) for name, title in references.items()), ("This server", HERE)],
            value=next(iter(references), HERE),
            label="Curves of",
            elem_id="cost-source",
            scale=3,
            min_width=260,
        )
        axis = gr.Dropdown(
            [(title, name) for name, title in AXES.items()],
            value="tokens",
            label="Across",
            elem_id="cost-axis",
            min_width=140,
        )
        flow = gr.Dropdown(
            [("Clips per second", "clips_per_s"), ("Tokens per second", "tokens_per_s")],
            value="clips_per_s",
            label="Throughput in",
            min_width=140,
        )
    with gr.Accordion("What Measure measures", open=False, elem_id="cost-what"):
        controls = build_cost_controls()
        with gr.Row(elem_classes="cost-row"):
            plan_words = caption(_plan_words(*(part.value for part in controls.parts)), "cost-plan")
            save = gr.Button("Save as sweep file", size="sm", elem_id="cost-save-spec")
            saver = file_saver("cost-spec")
    with gr.Row(elem_classes="figure-row"):
        with gr.Column(min_width=320):
            time = titled_plot(cost_figure(None, "latency_ms"), "Time of a pass")
            time_words = caption(growth_sentence(None, "latency_ms"), "cost-growth")
        with gr.Column(min_width=320):
            memory = titled_plot(cost_figure(None, "memory_bytes"), "Peak memory")
            memory_words = caption(growth_sentence(None, "memory_bytes"))
    paper_tokens = tokens_of_paper()
    with gr.Row(elem_classes="figure-row"):
        with gr.Column(min_width=320):
            slower = titled_plot(
                ratio_figure(None, "latency_ms", paper_tokens), "Times slower than the scan"
            )
            slower_words = caption(ratio_sentence(None, "latency_ms"))
        with gr.Column(min_width=320):
            larger = titled_plot(
                ratio_figure(None, "memory_bytes", paper_tokens), "Times the scan's memory"
            )
            larger_words = caption(ratio_sentence(None, "memory_bytes"))
    with gr.Row(elem_classes="figure-row"):
        with gr.Column(min_width=320):
            throughput = titled_plot(cost_figure(None, "clips_per_s"), "Throughput")
        with gr.Column(min_width=320):
            gr.HTML('<h4 class="figure-title">Conditions</h4>', apply_default_css=False)
            settings = caption(conditions(None), "cost-conditions")
            export = result_export("cost")
    growth = build_sorted_table(growth_table(None), "cost-growth-table", "Growth and crossings")
    with gr.Accordion("All points", open=False, elem_id="cost-points"):
        table = build_sorted_table(cost_table(None), "cost-table", "Points measured")
    how_it_is_computed(HOW_CURVES)
    shown = gr.State(None)

    def drawn(sweep: Sweep, along: str, flowing: str) -> dict:
        from analysis.profiling.sweep.summary import summarise

        summary = summarise(sweep)
        return {
            time: cost_figure(sweep, "latency_ms", along),
            memory: cost_figure(sweep, "memory_bytes", along),
            throughput: cost_figure(sweep, flowing, along),
            slower: ratio_figure(summary, "latency_ms", paper_tokens),
            larger: ratio_figure(summary, "memory_bytes", paper_tokens),
            time_words: what_to_look_at(growth_sentence(summary, "latency_ms")),
            memory_words: what_to_look_at(growth_sentence(summary, "memory_bytes")),
            slower_words: what_to_look_at(ratio_sentence(summary, "latency_ms")),
            larger_words: what_to_look_at(ratio_sentence(summary, "memory_bytes")),
            growth: growth_table(summary),
            settings: what_to_look_at(conditions(sweep)),
            table: cost_table(sweep),
            export: _exported(sweep, summary),
            shown: sweep,
        }

    @guarded(notice)
    def show(open_tab: str, name: str, along: str, flowing: str, *values: Any) -> Iterator[dict]:
        if open_tab != "cost":
            yield {notice: gr.skip()}
            return
        sweep = runs.known(requested_spec(*values)) if name == HERE else reference_sweep(name)
        if sweep is None:
            yield {notice: done(NOT_MEASURED)}
        else:
            yield {**drawn(sweep, along, flowing), notice: done(_stands(sweep))}

    @guarded(notice)
    def measure(request: gr.Request, along: str, flowing: str, *values: Any) -> Iterator[dict]:
        spec = requested_spec(*values)
        yield {source: HERE, notice: working(f"The first of {_planned_points(spec)}")}
        sweep = None
        for sweep in runs.measure(spec, request.session_hash):
            if sweep.measurements:
                said = f"{len(sweep.measurements)} of {_planned_points(spec)}"
                yield {**drawn(sweep, along, flowing), notice: working(said)}
        if sweep is not None:
            yield {notice: done(_stands(sweep))}

    def halt(request: gr.Request) -> None:
        # The sweep itself says that it ended; a word from here could come after that.
        runs.stop(request.session_hash)

    def say_plan(*values: Any) -> str:
        try:
            return what_to_look_at(_plan_words(*values))
        except ProfilingError as error:
            return what_to_look_at(str(error))

    saves = count(1)

    @guarded(notice)
    def save_spec(*values: Any) -> Iterator[dict]:
        text = json.dumps(requested_spec(*values).row(), indent=2)
        yield {saver: saved_file("sweep", "json", text.encode(), next(saves))}

    outputs = [
        *(time, memory, throughput, slower, larger, time_words, memory_words, slower_words),
        *(larger_words, growth, settings, table, export, shown, notice),
    ]
    looks = [axis, flow]
    gr.on(
        [context.open_tab.change, source.input, axis.input, flow.input],
        show,
        [context.open_tab, source, *looks, *controls.parts],
        outputs,
        trigger_mode="always_last",
        **_QUIET,
    )
    run.click(measure, [*looks, *controls.parts], [source, *outputs], **HEAVY, **_QUIET)
    stop.click(halt, None, None, queue=False, **_QUIET)
    gr.on(
        [part.change for part in controls.parts],
        say_plan,
        controls.parts,
        plan_words,
        trigger_mode="always_last",
        queue=False,
        **_QUIET,
    )
    save.click(save_spec, controls.parts, [saver, notice], **_QUIET)
    section_heading("What fits")
    build_cost_planner(context, shown)
    section_heading("Arithmetic")
    build_cost_flops(context)
    section_heading("Inside one run")
    build_cost_profile(context)
    build_cost_endpoints()


def _points(number: int) -> str:
    return f"{number} points" if number > 1 else "one point"


def _planned_points(spec: SweepSpec) -> str:
    return _points(spec.repeats * sum(map(len, spec.ranks)))


def _plan_words(*values: Any) -> str:
    """What the controls ask for, before it is measured."""
    spec = requested_spec(*values)
    about = duration(1000 * estimated_s(spec))
    return (
        f"{_planned_points(spec)}, about {about} or more. The same file measures elsewhere: "
        "python -m analysis profile sweep --spec sweep.json"
    )


def _stands(sweep: Sweep) -> str:
    """What is on the page now."""
    words = f"{_points(len(sweep.results))}, measured {sweep.machine['measured_at'][:10]}"
    return words if sweep.complete else f"{words}; press Measure to go on"


def _exported(sweep: Sweep, summary: SweepSummary) -> dict:
    rows = [result.row() for result in sweep.results]
    settings = {"spec": sweep.spec.row(), "machine": sweep.machine, **summary.row()}
    table = [{key: row[key] for key in row if key != "times_ms"} for row in rows]
    return exported("cost-sweep", rows, settings, table)
