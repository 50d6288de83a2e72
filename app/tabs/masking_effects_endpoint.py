"""/mask_effects: what masks do to the answer about a clip, for programs."""

import gradio as gr

from app.api import endpoint_errors, requested_selection
from app.context import HEAVY
from app.mask_effect_runs import (
    RATIOS,
    asked_curves,
    effect_curves,
    effect_document,
    effect_settings,
)
from app.session import Session


def build_mask_effects_endpoint(session: Session, default_model: str) -> None:
    """Register /mask_effects; its widgets are never shown."""

    @endpoint_errors
    def mask_effects(
        file: str | None,
        model: str,
        strategies: str,
        ratios: str,
        seed: float,
        frames: float | None,
        resolution: float | None,
        scan_order: str,
    ) -> dict:
        selection = requested_selection(file, model, frames, resolution, scan_order)
        question = asked_curves(selection, strategies, ratios, seed)
        *_, curves = effect_curves(session, question)
        return {**effect_settings(question), **effect_document(curves)}

    with gr.Row(visible=False):
        parts = [
            gr.File(label="file"),
            gr.Textbox(default_model, label="model"),
            gr.Textbox("all", label="strategies"),
            gr.Textbox(",".join(map(str, RATIOS)), label="ratios"),
            gr.Number(0, label="seed", precision=0),
            gr.Number(0, label="frames", precision=0),
            gr.Number(0, label="resolution", precision=0),
            gr.Textbox("", label="scan_order"),
        ]
        result = gr.JSON(label="result")
        gr.Button("mask_effects").click(
            mask_effects,
            parts,
            result,
            api_name="mask_effects",
            api_description=(
                "What masking strategies do to the answer: per strategy and ratio (names and "
                "numbers with commas between, or all strategies) the probability of the whole "
                "clip's answer, the share of draws with the same answer and the similarity of "
                "features, each with its 95 % interval over 8 draws; then tokens, time and memory "
                "of masked passes, beginning with nothing hidden. Frames, resolution and scan "
                "order that are 0 or empty mean: as trained."
            ),
            **HEAVY,
        )
