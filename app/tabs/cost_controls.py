"""The controls of Cost: what Measure measures."""

from dataclasses import dataclass

import gradio as gr

from analysis.models import list_models
from analysis.ops.attention import ATTENTION_KERNELS
from analysis.profiling.sweep.point import DTYPES, SCAN_KERNELS
from analysis.profiling.sweep.spec import SweepSpec
from app.cost_sweeps import measurable_devices
from app.figures.cost_curves import architecture_name

FAMILIES = (
    *("videomamba", "moma", "mamba_adaptor", "vim", "vmamba"),
    *("timesformer", "vivit", "vit"),
)
MODELS = ("videomamba_tiny", "timesformer_tiny_joint", "timesformer_tiny_divided")
FRAMES = (1, 2, 4, 8, 16, 32, 64, 128)
IMAGE_SIZES = (64, 96, 112, 160, 224, 288, 384, 448)
BATCHES = (1, 2, 4, 8, 16, 32)
PASS_NAMES = {"inference": "Inference", "training": "Training step"}
UNSUITED = ("debug", "image", "distill")
"""Parts of names of models that read no clips or are for tests."""


@dataclass(frozen=True)
class CostControls:
    """The placed controls."""

    models: gr.Dropdown
    kernels: gr.Dropdown
    frames: gr.Dropdown
    image_sizes: gr.Dropdown
    batches: gr.Dropdown
    passes: gr.Dropdown
    dtypes: gr.Dropdown
    device: gr.Dropdown
    repeats: gr.Slider
    time_cap_s: gr.Slider

    @property
    def parts(self) -> list[gr.components.Component]:
        """What to list as inputs; their values are what `requested_spec` takes."""
        return [
            *(self.models, self.kernels, self.frames, self.image_sizes, self.batches),
            *(self.passes, self.dtypes, self.device, self.repeats, self.time_cap_s),
        ]


def requested_spec(
    models, kernels, frames, image_sizes, batches, passes, dtypes, device, repeats, time_cap_s
) -> SweepSpec:
    """The sweep that the controls ask for. Raises ProfilingError, one sentence."""
    return SweepSpec(
        models=tuple(models),
        kernels=tuple(kernels),
        frames=tuple(sorted(frames)),
        image_sizes=tuple(sorted(image_sizes)),
        batches=tuple(sorted(batches)),
        passes=tuple(passes),
        dtypes=tuple(dtypes),
        device=device,
        repeats=int(repeats),
        timing_s=1.0,
        time_cap_s=float(time_cap_s),
    )


def measurable_models() -> tuple[str, ...]:
    """Architectures that read clips and answer, whatever their family."""
    return tuple(
        name
        for family in FAMILIES
        for name in list_models(family)
        if not any(part in name.split("_") for part in UNSUITED)
    )


def build_cost_controls() -> CostControls:
    """Place the controls with a sweep that takes about two minutes on two cores."""
    names = measurable_models()
    devices = list(measurable_devices())
    with gr.Row(elem_classes="cost-row"):
        models = _several("Models", [(architecture_name(name), name) for name in names], MODELS)
        kernels = _several(
            "Scan and attention kernels",
            [*SCAN_KERNELS, *ATTENTION_KERNELS],
            ("auto", *ATTENTION_KERNELS),
        )
    with gr.Row(elem_classes="cost-row"):
        frames = _several("Frames", list(FRAMES), (2, 4, 8, 16))
        image_sizes = _several("Pixels a side", list(IMAGE_SIZES), (112,))
        batches = _several("Clips at once", list(BATCHES), (1,))
    with gr.Row(elem_classes="cost-row"):
        passes = _several("Pass", [(n, p) for p, n in PASS_NAMES.items()], ("inference",))
        dtypes = _several("Arithmetic", list(DTYPES), ("float32",))
        device = gr.Dropdown(devices, value=devices[-1], label="Device", min_width=110)
    with gr.Row(elem_classes="cost-row"):
        repeats = gr.Slider(1, 5, 1, step=1, label="Times through", min_width=160)
        time_cap_s = gr.Slider(
            10, 600, 60, step=10, label="Longest a point may take (s)", min_width=160
        )
    return CostControls(
        *(models, kernels, frames, image_sizes, batches),
        *(passes, dtypes, device, repeats, time_cap_s),
    )


def _several(label: str, choices: list, chosen: tuple) -> gr.Dropdown:
    return gr.Dropdown(
        choices, value=list(chosen), label=label, multiselect=True, min_width=220, scale=1
    )
