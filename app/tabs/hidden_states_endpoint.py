"""/hidden_states: the map of one token with its errors, for programs."""

import gradio as gr

from analysis.attribution.exact.frozen_scan import LEVELS
from analysis.attribution.exact.scores import SCORES
from analysis.attribution.exact.token_map import MAP_DIRECTIONS, SIDES, MapQuestion
from analysis.tracing.opened_models import traced_grid
from app.api import endpoint_errors, requested_selection
from app.context import HEAVY
from app.layer_answers import layer_maps, map_settings, requested_layer, requested_subject
from app.opened_models import traced_config
from app.session import Session


def build_hidden_states_endpoint(session: Session, default_model: str) -> None:
    """Register /hidden_states; its widgets are never shown."""

    @endpoint_errors
    def hidden_states(
        file: str | None,
        model: str,
        layer: float,
        token: str,
        side: str,
        direction: str,
        level: str,
        score: str,
        frames: float | None,
        resolution: float | None,
        scan_order: str,
    ) -> dict:
        selection = requested_selection(file, model, frames, resolution, scan_order)
        config = traced_config(selection, "Hidden states")
        number = requested_layer(int(layer), config.depth)
        asked = MapQuestion(
            requested_subject(token, traced_grid(config)), side, direction, level, score
        )
        found = layer_maps(session, selection, number, asked)
        values = found.asked.values
        return {
            **map_settings(found, selection),
            "values": [[[float(v) for v in row] for row in frame] for frame in values],
            "cls_value": found.asked.cls_value,
        }

    with gr.Row(visible=False):
        file = gr.File(label="file")
        model = gr.Textbox(default_model, label="model")
        layer = gr.Number(0, label="layer", precision=0)
        token = gr.Textbox("readout", label="token")
        side = gr.Textbox("sources", label="side")
        direction = gr.Textbox("both", label="direction")
        level = gr.Textbox("residual", label="level")
        score = gr.Textbox("l2_norm", label="score")
        frames = gr.Number(0, label="frames", precision=0)
        resolution = gr.Number(0, label="resolution", precision=0)
        scan_order = gr.Textbox("", label="scan_order")
        result = gr.JSON(label="result")
        gr.Button("hidden_states").click(
            hidden_states,
            [
                *(file, model, layer, token, side, direction, level, score),
                *(frames, resolution, scan_order),
            ],
            result,
            api_name="hidden_states",
            api_description=(
                "The exact contributions to one token, or of it, in one layer: a number per token "
                "with the completeness error. `layer` counts from 1, 0 is the last. `token` is "
                "frame,row,column from 0, cls, readout, or frame N. `side` is "
                f"{' or '.join(SIDES)}, `direction` {', '.join(MAP_DIRECTIONS)}, `level` "
                f"{', '.join(LEVELS)}, `score` {', '.join(SCORES)}."
            ),
            **HEAVY,
        )
