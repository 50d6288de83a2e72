"""Masking: which tokens each strategy hides, and what that leaves to the scan."""

import time
from collections.abc import Iterator
from dataclasses import astuple
from typing import Any

import gradio as gr

from analysis.masking.strategies import STRATEGIES
from app.components.explanation import caption, how_it_is_computed, what_to_look_at
from app.components.export import exported, result_export
from app.components.file_export import file_export, saved_file
from app.components.mask_view import build_mask_view, leading_order, mask_view
from app.components.notice import done, failed, guarded, working
from app.components.packed import packed
from app.context import AppContext
from app.figures.mask_words import mask_sentence
from app.figures.number_format import duration
from app.mask_files import mask_rows, mask_settings, masks_npz
from app.mask_runs import (
    DrawnMasks,
    MaskQuestion,
    MaskSetting,
    checked_setting,
    drawn_masks,
    guides_known,
)
from app.selection import Selection
from app.session import planned
from app.tabs.masking_alignment import build_masking_alignment
from app.tabs.masking_controls import another_seed, build_mask_controls
from app.tabs.masking_effects import build_masking_effects
from app.tabs.masking_endpoint import build_mask_endpoint
from app.tabs.masking_how import HOW
from app.tabs.masking_metrics import build_masking_metrics
from app.tabs.masking_orders import build_masking_orders

WAITING = "The masks of this clip appear here."
DRAW_FIRST = "There are no masks to save yet."


def build_masking(context: AppContext) -> None:
    """Lay out the tab and connect it; registers the endpoint /mask."""
    session = context.session
    with gr.Row(elem_classes="mask-bar"):
        controls = build_mask_controls()
        panel = context.panel("masking", automatic=lambda _: True)
    view = build_mask_view()
    with gr.Row(elem_classes="under-row"):
        words = caption(WAITING, "mask-caption")
        with gr.Column(elem_classes="exports"):
            export = result_export("mask")
            files = file_export("mask-files", "Save the masks", {"npz": "Save NPZ"})
    how_it_is_computed(HOW)
    question = gr.State(None)

    def drawn(selection: Selection, setting: MaskSetting) -> dict:
        """The masks of all strategies, and where they are shown."""
        masks = drawn_masks(session, selection, setting)
        rows = mask_rows(masks)
        return {
            view: packed(mask_view(masks, session.sampled(selection), selection)),
            words: _words(masks, selection),
            export: exported(f"{selection.clip_name}-masks", rows, mask_settings(masks, selection)),
            question: MaskQuestion(selection, setting),
            panel.shown: selection,
        }

    def draw(selection: Selection, *asked: Any) -> Iterator[dict]:
        setting = checked_setting(*asked)
        if not guides_known(session, selection):
            yield {panel.notice: working(f"Reading {selection.clip_name}")}
        begun = time.perf_counter()
        parts = drawn(selection, setting)
        took_ms = 1000 * (time.perf_counter() - begun)
        yield {**parts, panel.notice: done(f"{len(STRATEGIES)} masks in {duration(took_ms)}")}

    @panel.computing
    def follow(selection: Selection, linked: MaskSetting | None, *asked: Any) -> Iterator[dict]:
        """A request, the first of which may come from an opened link with a mask."""
        if linked is not None:
            asked = astuple(linked)
            yield {**dict(zip(controls.parts, asked, strict=True)), context.opened_mask: None}
        yield from draw(selection, *asked)

    @guarded(panel.notice)
    def change(strategy: str, ratio: float, seed: float, *values: Any) -> Iterator[dict]:
        yield from draw(Selection(*values), strategy, ratio, seed)

    @guarded(panel.notice)
    def choose(event: gr.EventData, ratio: float, seed: float, *values: Any) -> Iterator[dict]:
        """A card was clicked: the browser shows its mask already, the words follow."""
        selection = Selection(*values)
        setting = checked_setting(event.strategy, ratio, seed)
        masks = drawn_masks(session, selection, setting)
        yield {
            controls.strategy: setting.strategy,
            words: _words(masks, selection),
            question: MaskQuestion(selection, setting),
        }

    @guarded(panel.notice)
    def save(asked: MaskQuestion | None) -> Iterator[dict]:
        if asked is None:
            yield {panel.notice: failed(DRAW_FIRST)}
            return
        content = masks_npz(drawn_masks(session, asked.selection, asked.setting))
        name = f"{asked.selection.clip_name}-masks"
        yield {files: saved_file(name, "npz", content, time.monotonic_ns())}

    quiet = {"show_progress": "hidden", "api_visibility": "private"}
    running = {**quiet, "concurrency_limit": 2, "trigger_mode": "always_last"}
    inputs = [*controls.parts, *context.selection_inputs]
    results = [view, words, export, question, panel.shown, panel.notice]
    moved = [part.input for part in controls.parts]
    panel.request.change(
        follow,
        [panel.request, context.opened_mask, *controls.parts],
        [*controls.parts, context.opened_mask, *results],
        **running,
    )
    gr.on(moved, change, inputs, results, **running)
    controls.anew.click(another_seed, controls.seed, controls.seed, **quiet).then(
        change, inputs, results, **running
    )
    view.choose(
        choose,
        [controls.ratio, controls.seed, *context.selection_inputs],
        [controls.strategy, words, question, panel.notice],
        **running,
    )
    files.save(save, question, [files, panel.notice], concurrency_limit=2, **quiet)
    build_mask_endpoint(session, context.model.value)
    figures = build_masking_metrics(context, question)
    build_masking_effects(context, question, figures)
    build_masking_alignment(context, question)
    build_masking_orders()


def _words(masks: DrawnMasks, selection: Selection) -> str:
    config = planned(selection).config
    order = leading_order(selection.scan_order, config.depth)
    return what_to_look_at(mask_sentence(masks, order, config.conv_width))
