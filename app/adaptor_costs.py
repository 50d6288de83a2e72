"""What adaptors add to a model: parameters and multiply-adds by part."""

from dataclasses import dataclass

from analysis.adaptation.adapted_host import ARCHITECTURE
from analysis.profiling.flops import model_arithmetic
from analysis.weights import weights_card
from app.adaptor_models import AdaptorSetting

LARGER = ("videomamba_adaptor_tiny", "mamba_adaptor_b1", "mamba_adaptor_b2")
"""Of the paper's sizes, or on hosts of published sizes."""
MEMORY, CONVOLUTIONS = "adaptor_t", "adaptor_s"
"""Parts of a model, as `analysis.profiling.model_parts` calls them."""


@dataclass(frozen=True)
class AdaptorCost:
    """Of one clip, or image, in one model; multiply-adds count once."""

    model: str
    host_parameters: int
    memory_parameters: int
    convolution_parameters: int
    host_multiply_adds: int
    memory_multiply_adds: int
    convolution_multiply_adds: int


def setting_cost(setting: AdaptorSetting) -> AdaptorCost:
    """Of the page's small model with the switches of a setting; trained adaptors have their own."""
    switches = setting.choice.switches
    if setting.choice.weights:
        own = weights_card(setting.choice.weights).overrides
        switches = {name: own[name] for name in switches if name in own}
    return adaptor_cost(ARCHITECTURE, **switches)


def adaptor_cost(architecture: str, **switches: object) -> AdaptorCost:
    """Of a model by name, with switches of its configuration. Raises ProfilingError."""
    found = model_arithmetic(architecture, **switches)
    work = {part.part: part.multiply_adds for part in found.parts}
    memory, convolutions = (found.parameters.get(name, 0) for name in (MEMORY, CONVOLUTIONS))
    reading, surrounding = work.get(MEMORY, 0), work.get(CONVOLUTIONS, 0)
    return AdaptorCost(
        model=architecture,
        host_parameters=found.parameter_count - memory - convolutions,
        memory_parameters=memory,
        convolution_parameters=convolutions,
        host_multiply_adds=found.multiply_adds - reading - surrounding,
        memory_multiply_adds=reading,
        convolution_multiply_adds=surrounding,
    )
