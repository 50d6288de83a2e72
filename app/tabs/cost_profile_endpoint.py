"""/profile_run: one or two runs under the profiler, for programs."""

import tempfile
from typing import Any

import gradio as gr

from analysis.models import list_classifiers
from analysis.nearest_names import nearest
from analysis.ops.attention import ATTENTION_KERNELS
from app.api import RequestError, endpoint_errors, requested_selection
from app.context import HEAVY
from app.pass_profiles import BY_DIRECTION, NOTHING, ProfileChoice, profiled_runs
from app.session import Session


def build_cost_profile_endpoint(session: Session, default_model: str) -> None:
    """Register /profile_run; its widgets are never shown."""

    @endpoint_errors
    def profile_run(
        file: str | None,
        model: str,
        training: bool,
        by_direction: bool,
        second: str,
        attention_kernel: str,
        steps: float,
        frames: float | None,
        resolution: float | None,
        scan_order: str,
    ) -> dict[str, Any]:
        from analysis.profiling.run_profile import compare_profiles

        selection = requested_selection(file, model, frames, resolution, scan_order)
        choice = ProfileChoice(
            training, by_direction, _second(second), _kernel(attention_kernel), int(steps)
        )
        with tempfile.TemporaryDirectory() as folder:
            runs = profiled_runs(session, selection, choice, folder)
        pair = [run.profile for run in runs]
        differences = compare_profiles(*pair) if len(pair) == 2 else ()
        return {
            "runs": [{"run": run.title, **run.row()} for run in runs],
            "differences": [difference.row() for difference in differences],
        }

    with gr.Row(visible=False):
        file = gr.File(label="file")
        model = gr.Textbox(default_model, label="model")
        training = gr.Checkbox(False, label="training")
        by_direction = gr.Checkbox(False, label="by_direction")
        second = gr.Textbox(NOTHING, label="second")
        kernel = gr.Textbox(ATTENTION_KERNELS[0], label="attention_kernel")
        steps = gr.Number(3, label="steps", precision=0)
        frames = gr.Number(0, label="frames", precision=0)
        resolution = gr.Number(0, label="resolution", precision=0)
        scan_order = gr.Textbox("", label="scan_order")
        result = gr.JSON(label="result")
        gr.Button("profile_run").click(
            profile_run,
            [
                *(file, model, training, by_direction, second, kernel, steps),
                *(frames, resolution, scan_order),
            ],
            result,
            api_name="profile_run",
            api_description=(
                "Time and memory of a run by region of the model and by operator, measured under "
                "torch.profiler on the server. `second` is an architecture made with random "
                "weights, or by_direction for the same model one scan direction after the other. "
                "Frames and resolution 0 and an empty scan order mean: as trained."
            ),
            **HEAVY,
        )


def _second(name: str) -> str:
    known = (BY_DIRECTION, *list_classifiers())
    if name and name not in known:
        raise RequestError(f"There is no second run {name!r}; {nearest(name, known)}")
    return name


def _kernel(name: str) -> str:
    if name not in ATTENTION_KERNELS:
        raise RequestError(
            f"There is no attention kernel {name!r}; choose {' or '.join(ATTENTION_KERNELS)}."
        )
    return name
