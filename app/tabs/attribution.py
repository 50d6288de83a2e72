"""Attribution: which patches of which frames speak for a class, by several methods side by side."""

import time
from collections.abc import Iterator, Sequence
from typing import Any

import gradio as gr

from analysis.attribution.attribution import METHODS
from analysis.attribution.method import AttributionError
from app.attributions import (
    DEFAULT_METHODS,
    TOP_CLASS,
    ExplainedClass,
    class_probabilities,
    estimated_map_ms,
    explained_class,
    first_methods,
    fitting_choice,
    frame_duration_s,
    map_in_steps,
    map_rows,
    pixel_heat,
    rank_agreement,
    recalled_map,
    selection_settings,
)
from app.components.attribution_maps import attribution_maps, build_attribution_maps
from app.components.explanation import caption, how_it_is_computed, section_heading, what_to_look_at
from app.components.export import exported, result_export
from app.components.file_export import picture_export, saved_file
from app.components.notice import done, failed, guarded, stopped, working
from app.components.packed import packed
from app.context import ANEW, HEAVY, AppContext
from app.faithfulness_runs import fitting_fills
from app.figures.agreement import agreement_table, no_agreement
from app.figures.attribution_sentences import CHOOSE, agreement_sentence, maps_sentence
from app.figures.evidence import Map
from app.figures.number_format import duration, percent
from app.figures.overlay_files import overlay_mp4, overlay_png
from app.selection import Selection
from app.session import Session, planned
from app.tabs.attribution_curves import build_curves
from app.tabs.attribution_endpoint import build_attribution_endpoint
from app.tabs.attribution_league import build_league
from app.tabs.attribution_methods import build_method_choice, ticked_methods

UNASKED_MS = 30_000
"""A map estimated to take longer waits for the button."""
TWO_MAPS = "Two maps or more can be compared."
ALIKE = "Each cell is the rank correlation of two maps: 1 is the same ranking, 0 none in common."
EXPLAIN_FIRST = "There are no maps to save yet; press Explain first."
CHOOSE_ONE = "Choose at least one method, then press Explain."

HOW = """
Every method answers the same question: which patches of which frames make the logit $z_c$ of the
class $c$ what it is? A patch is a token of the grid (t, h, w); methods that work on pixels are
summed over its pixels and colours. Colours of one map cannot be compared with those of another.

- **Integrated gradients** (arXiv 1703.01365):
  $(x - x_0) \\int_0^1 \\nabla z_c(x_0 + a(x - x_0))\\,da$ from the mean colour $x_0$, 32 points;
  the sum should be $z_c(x) - z_c(x_0)$, and what the points miss is its error. **Saliency**
  (1312.6034) is the gradient's magnitude, **input x gradient** (1605.01713) its product with the
  clip, **gradient SHAP** (1705.07874) averages over random ways, **Grad-CAM** (1610.02391) weighs
  tokens of the last layer: what its mixer reads in VideoMamba and Vim, what MoMa's last layer and
  VMamba's last stage leave, what a tower read by class tokens finds there (the choice is ours).
- **Occlusion** (1311.2901): $z_c(x) - z_c(x \\text{ without the patch})$.
- **Hidden attention** (2403.01590) draws what the recurrence carries from token $s$ to token $t$,
  $C_t \\prod_{k=s+1}^{t} e^{\\Delta_k A}\\,\\Delta_s B_s$; **implicit attention** (2405.16504) adds
  convolution and gate, **LaTIM** (2502.15612) the values. Rolled out, every layer's map is
  multiplied with the next (2005.00928).
- **Exact contributions** (ours) freeze what depends on the input (gate, SiLU, step sizes, B, C),
  after which a layer is linear and its parts add up to its real output.
- **MambaLRP** (2406.07592) hands the logit back layer by layer; pixels and biases together hold it.

**Exact:** the sums with a green badge, within 1e-4 of what was promised in float32.
**Approximate:** a red badge says by how much a promised sum is missed. **No sum:** such a map ranks
patches, its numbers are no parts of the answer. Random samples use seed 0. No map says what the
model would do without a patch; the curves below measure that.
"""


def build_attribution(context: AppContext) -> None:
    """Lay out the tab and connect it; registers the endpoint /attribution."""
    session = context.session
    with gr.Row(elem_classes="action-row"):
        run = gr.Button("Explain", variant="primary", size="sm", elem_id="attribution-run")
        stop = gr.Button("Stop", size="sm", elem_id="attribution-stop")
        panel = context.panel("attribution", automatic=session.quick)
        target = gr.Dropdown(
            [("Most probable class", TOP_CLASS)],
            value=TOP_CLASS,
            label="Class",
            elem_id="attribution-class",
            elem_classes="inline-field",
        )
    methods = build_method_choice()
    known = gr.State({})
    maps_view = build_attribution_maps(packed(attribution_maps(DEFAULT_METHODS, {})))
    with gr.Row(elem_classes="under-row"):
        maps_caption = caption(CHOOSE, "attribution-caption")
        with gr.Column(elem_classes="exports"):
            export = result_export("attribution")
            pictures = picture_export("attribution")
    how_it_is_computed(HOW)
    section_heading("Do the methods agree?")
    with gr.Row(elem_classes="figure-row"):
        with gr.Column(min_width=320):
            matrix = gr.HTML(no_agreement(TWO_MAPS), elem_id="agreement", apply_default_css=False)
        with gr.Column(min_width=320):
            matrix_caption = caption(ALIKE, "agreement-caption")
    curves = build_curves(session, panel, known)
    build_league(context)
    wish = gr.State(None)

    @panel.computing
    def explain(asked: Any, before: dict, class_index: int, *values: Any) -> Iterator[dict]:
        count = len(methods.groups)
        ticked, selection = ticked_methods(values[:count]), Selection(*values[count:])
        if not ticked:
            yield {maps_view: packed(attribution_maps((), {})), panel.notice: failed(CHOOSE_ONE)}
            return
        if not session.ready.is_set():
            yield {panel.notice: working("Preparing the compiled scan, once on a new machine")}
            session.ready.wait()
        yield {panel.notice: working(f"{selection.model} reads {selection.clip_name}")}
        plan = planned(selection)
        begun_with = first_methods(plan.config)
        chosen = fitting_choice(ticked, before.get("begun_with", DEFAULT_METHODS), plan.config)
        classes = class_probabilities(session, selection)
        explained = explained_class(classes, class_index)
        sampled = session.sampled(selection)
        tubelet, training = selection.tubelet(plan.config.token_grid), plan.card.training
        found = {name: recalled_map(session, selection, name, explained.index) for name in chosen}
        maps = {name: one for name, one in found.items() if one is not None}
        failures: dict[str, str] = {}
        fills = fitting_fills(plan.config)

        def drawn(note: str = "") -> dict:
            finished = [maps[name] for name in chosen if name in maps]
            drawing = attribution_maps(
                chosen,
                maps,
                tubelet=tubelet,
                sampled=sampled,
                failures=failures,
                note=note,
                pixel_heat=_pixel_heat(session, selection, finished),
            )
            return {
                maps_view: packed(drawing),
                maps_caption: what_to_look_at(
                    maps_sentence(finished, explained, tubelet, training)
                ),
                **_agreement(matrix, matrix_caption, finished),
                known: {
                    "selection": selection,
                    "explained": explained,
                    "maps": dict(maps),
                    "begun_with": begun_with,
                    "fills": fills,
                },
                export: _exported(selection, explained, finished) if finished else None,
            }

        judged = before.get("selection") == selection and before["explained"] == explained
        yield {
            target: _class_menu(classes, class_index),
            **drawn(),
            **methods.fitted(plan.config, chosen),
            **({} if judged else curves.cleared()),
            **({} if fills == before.get("fills") else curves.fitted(plan.config)),
        }
        missing = [name for name in chosen if name not in maps]
        waiting = [] if asked == ANEW else _too_long(session, selection, missing)
        for name in (one for one in missing if one not in waiting):
            title = METHODS[name].title
            yield {panel.notice: working(title)}
            work = map_in_steps(session, selection, name, explained.index)
            try:
                for done_share in work:
                    if done_share:
                        yield {panel.notice: working(f"{title}, {percent(done_share)}")}
                maps[name] = work.value
            except AttributionError as error:
                failures[name] = str(error)
            yield drawn()
        yield {
            **drawn(_press(session, selection, waiting)),
            panel.shown: selection,
            panel.notice: done(_finished(maps, waiting)),
        }

    @guarded(panel.notice)
    def save(known: dict, event: gr.EventData) -> Iterator[dict]:
        if not known.get("maps"):
            yield {panel.notice: failed(EXPLAIN_FIRST)}
            return
        selection, maps = known["selection"], list(known["maps"].values())
        sampled = session.sampled(selection)
        subtitle = f"{selection.clip_name}: {known['explained'].label}"
        if event.kind == "png":
            content = overlay_png(sampled.pixels, maps, subtitle)
        else:
            content = overlay_mp4(sampled.pixels, maps, subtitle, frame_duration_s(sampled))
        name = f"{selection.clip_name}-attribution"
        yield {pictures: saved_file(name, event.kind, content, time.monotonic_ns())}

    quiet = {"show_progress": "hidden", "api_visibility": "private"}
    # Not "always_last": that waits for a run which was cancelled and so never ends.
    running = {**quiet, **HEAVY, "trigger_mode": "multiple"}
    choice = [known, target, *methods.groups, *context.selection_inputs]
    results = [maps_view, maps_caption, export, known, target, matrix, matrix_caption]
    results += [*methods.parts, *curves.parts, panel.shown, panel.notice]
    explaining = [
        run.click(explain, [gr.State(ANEW), *choice], results, **running),
        panel.request.change(explain, [panel.request, *choice], results, **running),
        wish.change(explain, [wish, *choice], results, **running),
    ]
    long_runs = [*explaining, curves.event]
    pictures.save(save, known, [pictures, panel.notice], concurrency_limit=2, **quiet)
    gr.on(
        [target.input, *(group.input for group in methods.groups)],
        _wished,
        None,
        wish,
        cancels=long_runs,
        concurrency_limit=None,
        **quiet,
    )
    stop.click(stopped, None, panel.notice, cancels=long_runs, queue=False, **quiet)
    build_attribution_endpoint(session, context.model.value)


def _agreement(matrix: gr.HTML, words: gr.HTML, maps: Sequence[Map]) -> dict:
    if len(maps) < 2:
        return {matrix: no_agreement(TWO_MAPS), words: what_to_look_at(ALIKE)}
    titles = [one["title"] for one in maps]
    spearman = rank_agreement(maps)
    return {
        matrix: agreement_table(titles, spearman),
        words: what_to_look_at(agreement_sentence(titles, spearman)),
    }


def _pixel_heat(session: Session, selection: Selection, maps: Sequence[Map]) -> dict[str, str]:
    found = {one["method"]: pixel_heat(session, selection, one) for one in maps}
    return {name: address for name, address in found.items() if address}


def _wished() -> int:
    """A value that no earlier wish had, so that the state changes."""
    return time.monotonic_ns()


def _class_menu(classes: Sequence[tuple[int, str, float]], asked: int) -> gr.Dropdown:
    entries = [
        (f"{label} \N{MIDDLE DOT} {percent(share)}", index) for index, label, share in classes
    ]
    first = (f"Answer: {entries[0][0]}", TOP_CLASS)
    value = asked if any(index == asked for _, index in entries) else TOP_CLASS
    return gr.Dropdown([first, *entries], value=value)


def _too_long(session: Session, selection: Selection, methods: Sequence[str]) -> list[str]:
    return [name for name in methods if estimated_map_ms(session, selection, [name]) > UNASKED_MS]


def _press(session: Session, selection: Selection, waiting: Sequence[str]) -> str:
    if not waiting:
        return ""
    return f"Press Explain: about {duration(estimated_map_ms(session, selection, waiting))} in all."


def _finished(maps: dict[str, Map], waiting: Sequence[str]) -> str:
    waits = "waits" if len(waiting) == 1 else "wait"
    rest = f"; {len(waiting)} {waits} for the button" if waiting else ""
    return f"{_count(len(maps)).capitalize()} drawn{rest}"


def _count(maps: int) -> str:
    return "one map" if maps == 1 else f"{maps} maps"


def _exported(selection: Selection, explained: ExplainedClass, maps: Sequence[Map]) -> dict:
    settings = {
        **selection_settings(selection),
        "class": explained.label,
        "probability": explained.probability,
    }
    name = f"{selection.clip_name}-attribution"
    return exported(name, maps, settings, list(map_rows(maps)))
