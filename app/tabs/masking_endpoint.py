"""/mask: the masks of a clip, for programs."""

import gradio as gr

from analysis.masking.strategies import STRATEGIES
from app.api import endpoint_errors, requested_selection
from app.mask_files import hidden_tokens, mask_rows, mask_settings
from app.mask_runs import MaskSetting, checked_setting, drawn_masks
from app.session import Session

ALL = "all"
FIRST = MaskSetting()


def build_mask_endpoint(session: Session, default_model: str) -> None:
    """Register /mask; its widgets are never shown."""

    @endpoint_errors
    def mask(
        file: str | None,
        model: str,
        strategy: str,
        ratio: float,
        seed: float,
        frames: float | None,
        resolution: float | None,
    ) -> dict:
        selection = requested_selection(file, model, frames, resolution)
        names = list(STRATEGIES) if strategy == ALL else [strategy]
        drawn = drawn_masks(session, selection, checked_setting(names[0], ratio, seed))
        rows = mask_rows(drawn, names)
        for row in rows:
            row["hidden"] = hidden_tokens(drawn, row["strategy"])
        return {**mask_settings(drawn, selection), "strategy": strategy, "masks": rows}

    with gr.Row(visible=False):
        file = gr.File(label="file")
        model = gr.Textbox(default_model, label="model")
        strategy = gr.Textbox(ALL, label="strategy")
        ratio = gr.Number(FIRST.ratio, label="ratio")
        seed = gr.Number(FIRST.seed, label="seed", precision=0)
        frames = gr.Number(0, label="frames", precision=0)
        resolution = gr.Number(0, label="resolution", precision=0)
        result = gr.JSON(label="result")
        gr.Button("mask").click(
            mask,
            [file, model, strategy, ratio, seed, frames, resolution],
            result,
            api_name="mask",
            api_description=(
                f"Which patches masking strategies hide ({', '.join(STRATEGIES)}, or all): per "
                "strategy nominal and real ratio, tokens left, the runs that spatial-first and "
                "temporal-first scans find, and `hidden`: canonical numbers of the hidden patches "
                "on `grid` (time, rows, columns), without CLS. Frames and resolution 0 mean: as "
                "trained."
            ),
            concurrency_limit=2,
        )
