"""/alignment: a student of masked pretraining beside its teacher, for programs."""

import gradio as gr

from analysis.masking.strategies import STRATEGIES
from app.alignment_runs import alignment
from app.api import endpoint_errors, requested_selection
from app.context import HEAVY
from app.mask_runs import MaskQuestion, MaskSetting, checked_setting
from app.session import Session

FIRST = MaskSetting()


def build_alignment_endpoint(session: Session, default_model: str) -> None:
    """Register /alignment; its widgets are never shown."""

    @endpoint_errors
    def answer(
        file: str | None, student: str, strategy: str, ratio: float, seed: float | None
    ) -> dict:
        selection = requested_selection(file, default_model)
        asked = MaskQuestion(selection, checked_setting(strategy, ratio, seed))
        return alignment(session, asked, student or None)

    with gr.Row(visible=False):
        file = gr.File(label="file")
        student = gr.Textbox("", label="student")
        strategy = gr.Textbox(FIRST.strategy, label="strategy")
        ratio = gr.Number(FIRST.ratio, label="ratio")
        seed = gr.Number(FIRST.seed, label="seed", precision=0)
        result = gr.JSON(label="result")
        gr.Button("alignment").click(
            answer,
            [file, student, strategy, ratio, seed],
            result,
            api_name="alignment",
            api_description=(
                "Cosines of a student of masked pretraining with its teacher under one mask "
                f"({', '.join(STRATEGIES)}), per aligned layer: `tokens` on `grid` (time, rows, "
                "columns) with null where the mask hides, CLS, the mean by time step and in all, "
                "`chance` (with the teacher's tokens elsewhere) and `untrained`. An empty student "
                "means the shipped one."
            ),
            **HEAVY,
        )
