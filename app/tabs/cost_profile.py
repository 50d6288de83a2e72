"""Profile one run, a part of Cost: where the time and memory of a step go."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.processing_utils import save_file_to_cache

from analysis.ops.attention import ATTENTION_KERNELS
from app.background import BackgroundWork
from app.components.explanation import caption, how_it_is_computed, what_to_look_at
from app.components.export import exported, result_export
from app.components.notice import done, stopped, working
from app.components.profile_tables import operator_table, region_table
from app.components.profile_views import build_flame_view, build_region_bars
from app.components.sorted_table import build_sorted_table
from app.context import ANEW, HEAVY, AppContext
from app.figures.cost_curves import architecture_name
from app.figures.flame import flame_view
from app.figures.number_format import duration, percent
from app.figures.profile_sentences import bars_sentence, flame_sentence
from app.figures.region_bars import region_bars
from app.pass_profiles import (
    BY_DIRECTION,
    MOST_STEPS,
    NOTHING,
    ProfileChoice,
    ProfiledRun,
    estimated_ms,
    profiled_runs,
)
from app.selection import Selection
from app.tabs.cost_controls import measurable_models
from app.tabs.cost_profile_endpoint import build_cost_profile_endpoint
from app.tabs.cost_profile_how import HOW_PROFILE

KERNEL_NAMES = {"softmax": "Plain softmax product", "sdpa": "scaled_dot_product_attention"}


def build_cost_profile(context: AppContext) -> None:
    """Lay out the section and connect it; registers the endpoint /profile_run."""
    session = context.session
    with gr.Row(elem_classes="action-row"):
        run = gr.Button("Profile", variant="primary", size="sm", elem_id="profile-run")
        stop = gr.Button("Stop", size="sm", elem_id="profile-stop")
        panel = context.panel("cost_profile", automatic=lambda selection: False)
    controls = _build_controls()
    bars = build_region_bars()
    with gr.Row(elem_classes="under-row"):
        words = caption(bars_sentence(()), "profile-caption")
        export = result_export("profile")
    flames = [_build_flame(0)]
    with gr.Column(visible=False) as second_place:
        flames.append(_build_flame(1))
    table = build_sorted_table(region_table(()), "profile-regions", "Regions")
    with gr.Row(elem_classes="action-row"):
        downloads = [
            gr.DownloadButton(title, size="sm", interactive=False, visible=visible, elem_id=elem_id)
            for title, elem_id, visible in (
                ("Save trace for Perfetto", "profile-trace", True),
                ("Save second trace", "profile-second-trace", False),
                ("Save log folder for TensorBoard", "profile-log", True),
            )
        ]
    with gr.Accordion("Operators", open=False, elem_id="profile-operators"):
        operators = build_sorted_table(operator_table(None), "profile-operator-table", "Operators")
    how_it_is_computed(HOW_PROFILE)

    def drawn(runs: Sequence[ProfiledRun]) -> dict:
        update = {
            bars: region_bars(runs),
            words: what_to_look_at(bars_sentence(runs)),
            table: region_table(runs),
            operators: "".join(map(operator_table, runs)),
            second_place: gr.Column(visible=len(runs) == 2),
        }
        for place, (flame, flame_words) in enumerate(flames):
            one = runs[place] if place < len(runs) else None
            update |= {
                flame: flame_view(one),
                flame_words: what_to_look_at(flame_sentence(one)),
            }
        return update

    @panel.computing
    def measure(asked: Any, *values: Any) -> Iterator[dict]:
        chosen, selection = values[: len(controls)], Selection(*values[len(controls) :])
        choice = _choice(*chosen)
        if not session.ready.is_set():
            yield {panel.notice: working("Preparing the compiled scan, once on a new machine")}
            session.ready.wait()
        about = duration(estimated_ms(session, selection, choice))

        def work(report: Callable[[float], None]) -> tuple[tuple[ProfiledRun, ...], list]:
            with tempfile.TemporaryDirectory() as folder:
                runs = profiled_runs(session, selection, choice, folder, report)
                return runs, _kept_files(runs, Path(folder), downloads[0].GRADIO_CACHE)

        background = BackgroundWork(work)
        for share in background:
            said = f"Profiling {selection.model}, about {about}: {percent(share)}"
            yield {panel.notice: working(said)}
        runs, files = background.value
        yield {
            **drawn(runs),
            **dict(zip(downloads, map(_download, files), strict=True)),
            export: _exported(selection, runs),
            panel.shown: selection,
            panel.notice: done(_finished(runs)),
        }

    quiet = {"show_progress": "hidden", "api_visibility": "private"}
    views = [part for flame in flames for part in flame]
    results = [bars, words, table, operators, second_place, *views, *downloads, export]
    profiling = run.click(
        measure,
        [gr.State(ANEW), *controls, *context.selection_inputs],
        [*results, panel.shown, panel.notice],
        trigger_mode="once",
        **quiet,
        **HEAVY,
    )
    stop.click(stopped, None, panel.notice, cancels=profiling, queue=False, **quiet)
    build_cost_profile_endpoint(session, context.model.value)


def _build_controls() -> list[gr.components.Component]:
    """What `_choice` takes."""
    seconds = [
        ("Nothing", NOTHING),
        ("The same, direction by direction", BY_DIRECTION),
        *((architecture_name(name), name) for name in measurable_models()),
    ]
    with gr.Row(elem_classes="cost-row"):
        training = gr.Dropdown(
            [("Inference pass", False), ("Training step", True)],
            value=False,
            label="A step is",
            filterable=False,
            min_width=170,
            elem_id="profile-step",
        )
        scans = gr.Dropdown(
            [("As they run", False), ("Direction by direction", True)],
            value=False,
            label="Scans",
            filterable=False,
            min_width=170,
            elem_id="profile-scans",
        )
        second = gr.Dropdown(
            seconds, value=NOTHING, label="Beside it", min_width=220, elem_id="profile-second"
        )
        kernel = gr.Dropdown(
            [(KERNEL_NAMES[name], name) for name in ATTENTION_KERNELS],
            value=ATTENTION_KERNELS[0],
            label="Attention, where there is any",
            filterable=False,
            min_width=220,
        )
        steps = gr.Slider(1, MOST_STEPS, 3, step=1, label="Profiled steps", min_width=140)
    return [training, scans, second, kernel, steps]


def _choice(training: bool, scans: bool, second: str, kernel: str, steps: float) -> ProfileChoice:
    return ProfileChoice(training, scans, second, kernel, int(steps))


def _build_flame(place: int) -> tuple[gr.HTML, gr.HTML]:
    """A step over time and the sentence under it."""
    flame = build_flame_view(f"profile-flame-{place}")
    return flame, caption(flame_sentence(None) if place == 0 else "")


def _kept_files(runs: Sequence[ProfiledRun], folder: Path, cache: str) -> list[str | None]:
    """First trace, second one if there is one, and the log folder, where downloads may lie."""
    from analysis.profiling.run_profile import zipped

    traces = [run.trace for run in runs]
    log = zipped(traces, folder / "scanscope-profile.zip")
    first, second = traces[0], traces[1] if len(traces) == 2 else None
    return [path and save_file_to_cache(path, cache) for path in (first, second, log)]


def _download(path: str | None) -> gr.DownloadButton:
    return gr.DownloadButton(value=path, interactive=path is not None, visible=path is not None)


def _finished(runs: Sequence[ProfiledRun]) -> str:
    steps = sum(len(run.profile.step_ms) for run in runs)
    return f"{steps} step{'s' * (steps > 1)} profiled"


def _exported(selection: Selection, runs: Sequence[ProfiledRun]) -> dict:
    from analysis.profiling.run_profile import compare_profiles

    settings: dict[str, Any] = {"clip": selection.clip_name}
    if len(runs) == 2:
        rows = compare_profiles(runs[0].profile, runs[1].profile)
        settings["differences"] = [row.row() for row in rows]
    table = [{"run": run.title, **cost.row()} for run in runs for cost in run.profile.regions]
    rows = [{"run": run.title, **run.row()} for run in runs]
    return exported(f"{selection.clip_name}-profile", rows, settings, table)
