"""/adaptor_memory: what a small Mamba-Adaptor reads and adds on a clip, for programs."""

import gradio as gr

from analysis.adaptation.adapted_host import HOST
from analysis.adaptation.errors import AdaptationError
from app.adaptor_models import DRAWN, adaptor_selection, adaptor_setting, first_strength
from app.adaptor_runs import AdaptorRuns
from app.api import endpoint_errors, requested_selection
from app.context import HEAVY
from app.layer_answers import requested_layer, requested_subject
from app.session import Session, planned


def build_adaptor_memory_endpoint(session: Session, runs: AdaptorRuns) -> None:
    """Register /adaptor_memory; its widgets are never shown."""

    @endpoint_errors
    def adaptor_memory(
        file: str | None,
        layer: float,
        token: str,
        adaptors: str,
        strength: float,
        parts: str,
        selection: str,
        coefficients: str,
        memory_range: str,
        locations: str,
        sequences: float,
        places: float,
        dilations: str,
        share: str,
        share_directions: bool,
    ) -> dict:
        setting = adaptor_setting(
            *(adaptors, first_strength(adaptors) if strength < 0 else strength, parts),
            *(selection, coefficients, memory_range),
            *(locations, sequences, places, dilations, share, share_directions),
        )
        chosen = requested_selection(file, HOST)
        config = planned(adaptor_selection(chosen, setting)).config
        number = requested_layer(int(layer), config.depth)
        subject = requested_subject(token, config.token_grid)
        if subject.kind != "token":
            raise AdaptationError(f"{token} reads no places; ask for a token, as 2,3,4, or cls.")
        session.ready.wait()
        look = runs.look(chosen, setting, number, subject.index)
        return {**look, "forgetting": runs.forgetting(chosen, setting, number)["scans"]}

    with gr.Row(visible=False):
        file = gr.File(label="file")
        layer = gr.Number(0, label="layer", precision=0)
        token = gr.Textbox("cls", label="token")
        switches = [
            gr.Textbox(DRAWN, label="adaptors"),
            gr.Number(-1, label="strength"),
            gr.Textbox("both", label="parts"),
            gr.Textbox("predicted", label="selection"),
            gr.Textbox("predicted", label="coefficients"),
            gr.Textbox("all", label="memory_range"),
            gr.Textbox("sequence", label="locations"),
            gr.Number(4, label="sequences", precision=0),
            gr.Number(4, label="places", precision=0),
            gr.Textbox("1, 2, 3", label="dilations"),
            gr.Textbox("none", label="share"),
            gr.Checkbox(True, label="share_directions"),
        ]
        result = gr.JSON(label="result")
        gr.Button("adaptor_memory").click(
            adaptor_memory,
            [file, layer, token, *switches],
            result,
            api_name="adaptor_memory",
            api_description=(
                "Which places a token's memory reads in a layer of a small VideoMamba with "
                "Mamba-Adaptor, what the adaptors add and how the layer forgets. layer 0 is the "
                "last; token is cls or frame,row,column from 0. Untrained adaptors unless named; "
                "a strength below 0 is that which the page begins with."
            ),
            **HEAVY,
        )
