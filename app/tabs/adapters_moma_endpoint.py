"""/adapters: what a small MoMa does to a clip, for programs."""

import json
from dataclasses import asdict, fields, replace

import gradio as gr

from analysis.adaptation.errors import AdaptationError
from analysis.adaptation.token_reach import Token
from app.api import endpoint_errors, requested_selection
from app.context import HEAVY
from app.moma_models import MomaSetting, first_setting, setting_of
from app.moma_runs import moma_look, moma_reach
from app.session import Session


def build_adapters_endpoint(session: Session, default_model: str) -> None:
    """Register /adapters; its widgets are never shown."""

    @endpoint_errors
    def adapters(file: str | None, settings: str, token: str, frames: float | None) -> dict:
        selection = requested_selection(file, default_model, frames)
        setting = requested_setting(settings)
        at = requested_token(token)
        found = asdict(moma_look(session, selection, setting))
        if at is not None:
            found["reach"] = asdict(moma_reach(session, selection, setting, at))
        return found

    with gr.Row(visible=False):
        file = gr.File(label="file")
        settings = gr.Textbox("{}", label="settings")
        token = gr.Textbox("", label="token")
        frames = gr.Number(0, label="frames", precision=0)
        result = gr.JSON(label="result")
        gr.Button("adapters").click(
            adapters,
            [file, settings, token, frames],
            result,
            api_name="adapters",
            api_description=(
                "What a small MoMa does to a clip: strength and turn of every modulation token by "
                "token, answers of the frozen tower, of its windows and with scans, and the "
                "frame-shuffle test. `settings` is JSON with any of "
                f"{', '.join(field.name for field in fields(MomaSetting))}; `token` is "
                "frame,row,column from 0 and adds what that token hears of. `training` says "
                "whether the scans were trained."
            ),
            **HEAVY,
        )


def requested_setting(settings: str) -> MomaSetting:
    """What a program asks for; what is left out is as the page begins.

    Raises AdaptationError and WeightsError, one sentence, for what does not fit.
    """
    try:
        given = json.loads(settings or "{}")
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise AdaptationError(f"settings must be a JSON object, got {settings[:60]!r}.")
    known = {field.name: field.default for field in fields(MomaSetting)}
    for key, value in given.items():
        if key not in known:
            raise AdaptationError(f"There is no setting {key!r}; send some of {', '.join(known)}.")
        right = (int, float) if key == "strength" else str
        if isinstance(value, bool) or not isinstance(value, right):
            raise AdaptationError(f"The setting {key} cannot be {value!r}.")
    base = setting_of(given["weights"]) if "weights" in given else first_setting()
    return replace(base, **given)


def requested_token(text: str) -> Token | None:
    """Frame, row and column from "1,2,3"; None for nothing. Raises AdaptationError."""
    if not text:
        return None
    parts = text.split(",")
    if len(parts) != 3 or not all(part.strip().isdigit() for part in parts):
        raise AdaptationError(f"{text[:40]!r} is no token; send frame,row,column from 0.")
    frame, row, column = (int(part) for part in parts)
    return frame, row, column
