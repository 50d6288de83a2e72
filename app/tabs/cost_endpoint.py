"""/cost and /cost_plan: shipped curves of cost, and plans made from them, for programs."""

from typing import Any

import gradio as gr

from app.api import RequestError, endpoint_errors
from app.cost_sweeps import reference_sweep, shown_sweeps


def build_cost_endpoints() -> None:
    """Register the endpoints; their widgets are never shown."""
    names = ", ".join(shown_sweeps())

    @endpoint_errors
    def cost(sweep: str) -> dict[str, Any]:
        from analysis.profiling.sweep.summary import summarise

        found = _sweep(sweep)
        results = [result.row() for result in found.results]
        return {
            "spec": found.spec.row(),
            "machine": found.machine,
            "results": results,
            **summarise(found).row(),
        }

    @endpoint_errors
    def cost_plan(
        memory_gb: float, image_size: float, frames: float, batch: float, sweep: str
    ) -> list[dict[str, Any]]:
        from analysis.profiling.sweep.planner import plans

        found = plans(
            _sweep(sweep),
            1e9 * (memory_gb or 0),
            int(image_size or 0),
            batch=int(batch or 0),
            frames=int(frames or 0) or None,
        )
        return [plan.row() for plan in found]

    with gr.Row(visible=False):
        sweep = gr.Textbox(next(iter(shown_sweeps()), ""), label="sweep")
        memory = gr.Number(24, label="memory_gb")
        size = gr.Number(224, label="image_size", precision=0)
        frames = gr.Number(0, label="frames", precision=0)
        batch = gr.Number(1, label="batch", precision=0)
        result = gr.JSON(label="result")
        gr.Button("cost").click(
            cost,
            sweep,
            result,
            api_name="cost",
            api_description=(
                "A measured sweep: its points with every timed call, the machine, slopes, "
                f"crossings and ratios. `sweep` is one of {names}."
            ),
        )
        gr.Button("cost_plan").click(
            cost_plan,
            [memory, size, frames, batch, sweep],
            result,
            api_name="cost_plan",
            api_description=(
                "The most frames of a size that fit into a memory, a row per model, predicted "
                "from a sweep with the error of that prediction. frames 0: as many as fit."
            ),
        )


def _sweep(name: str):
    known = shown_sweeps()
    if name not in known:
        raise RequestError(f"There is no sweep {name!r}; choose one of {', '.join(known)}.")
    return reference_sweep(name)
