"""A small VideoMamba with Mamba-Adaptor: trained adaptors, or untrained ones on trained weights."""

from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor, nn

from analysis.layers.adaptor_config import AdaptorConfig
from analysis.layers.adaptor_t import AdaptorT, DirectionAdaptors
from analysis.models import create_model
from analysis.models.mamba_adaptor import memories, scan_layers
from analysis.weights import WeightsCard, WeightsError, list_weights, load_model, weights_card
from analysis.weights.host import load_host_weights
from analysis.weights.hub import local_checkpoint

HOST = "videomamba_mini.camera"
"""The weights that untrained adaptors are put on."""
ARCHITECTURE = "videomamba_adaptor_mini"
PREDICTORS: tuple[str, ...] = ("drawn", "zero")
"""drawn: the weights that places and coefficients are predicted with come from a generator, so
that they depend on the token. zero: as they start, so that all tokens read the same places."""
LIVE: tuple[str, ...] = ("selection", "coefficients", "memory_range")
"""Switches that need no other parameters: trained adaptors can be asked with them as well."""


@dataclass(frozen=True)
class AdaptorChoice:
    """Which adaptors, and how they are switched; `AdaptorConfig` has the switches' meanings.

    weights: name of trained ones, "" for untrained ones on `HOST`. Of trained ones only the
    switches of `LIVE` count, the others are as they were trained. seed: of what is drawn.
    """

    weights: str = ""
    predictors: str = "drawn"
    selection: str = "predicted"
    coefficients: str = "predicted"
    memory_range: str = "all"
    locations: str = "sequence"
    memory_sequences: int = 4
    memory_locations: int = 4
    dilations: tuple[int, ...] = (1, 2, 3)
    share: str = "none"
    share_directions: bool = True
    seed: int = 0

    @property
    def switches(self) -> dict[str, Any]:
        """The fields that are those of an `AdaptorConfig`."""
        known = {field.name for field in fields(AdaptorConfig)}
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name in known}


def trained_adaptors() -> tuple[WeightsCard, ...]:
    """Weights of small VideoMambas with adaptors that are on this machine."""
    return tuple(
        card
        for card in list_weights()
        if card.architecture == ARCHITECTURE
        and card.training != "untrained"
        and local_checkpoint(card) is not None
    )


def adapted_host(choice: AdaptorChoice) -> nn.Module:
    """The model of a choice, in evaluation mode.

    Untrained adaptors start as those of a backbone do: gamma 1, kernels drawn. The host alone is
    the same model within `adaptors_at(model, 0)`.

    Raises WeightsError, one sentence, for weights that are not there or have no adaptors, and for
    switches that do not go together.
    """
    if choice.predictors not in PREDICTORS:
        raise WeightsError(
            f"There are no predictors {choice.predictors!r}; choose {' or '.join(PREDICTORS)}."
        )
    try:
        model = _trained(choice) if choice.weights else _untrained(choice)
    except ValueError as error:
        sentence = str(error)
        raise WeightsError(f"{sentence[:1].upper()}{sentence[1:]}.") from error
    return model.eval()


def _trained(choice: AdaptorChoice) -> nn.Module:
    if weights_card(choice.weights).architecture != ARCHITECTURE:
        raise WeightsError(f"{choice.weights} has no adaptors; choose {ARCHITECTURE} weights.")
    model = load_model(choice.weights).model
    switch_memory(model, **{name: getattr(choice, name) for name in LIVE})
    return model


def _untrained(choice: AdaptorChoice) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(choice.seed)
        model = create_model(ARCHITECTURE, usage="backbone", **choice.switches)
    load_host_weights(model, HOST)
    if choice.predictors == "drawn":
        draw_predictors(model, torch.Generator().manual_seed(choice.seed))
    return model


@torch.no_grad()
def draw_predictors(model: nn.Module, generator: torch.Generator) -> None:
    """Gives the predictors of places and coefficients weights from a normal distribution.

    They start at zero, where no token tells its places from those of another.
    """
    for adaptor in memories(model):
        for name in ("place_weight", "coefficient_weight"):
            weight: Tensor | None = getattr(adaptor, name, None)
            if weight is not None:
                weight.copy_(torch.randn(weight.shape, generator=generator))


def switch_memory(model: nn.Module, **switches: str) -> None:
    """Exchanges every Adaptor-T for one with other switches of `LIVE` and the same parameters.

    Static places are those of the start, not those that were learned. Adaptors that layers share
    stay shared. Raises ValueError for a switch that needs parameters which were not trained.
    """
    made: dict[nn.Module, nn.Module] = {}
    for layer in scan_layers(model):
        memory = layer.adaptor_t
        if memory is not None:
            if memory not in made:
                made[memory] = _switched_memory(memory, layer.inner_width, switches)
            layer.adaptor_t = made[memory]


def _switched_memory(
    memory: AdaptorT | DirectionAdaptors, inner_width: int, switches: dict[str, str]
) -> AdaptorT | DirectionAdaptors:
    if isinstance(memory, AdaptorT):
        return _switched(memory, inner_width, switches)
    return DirectionAdaptors(_switched(each, inner_width, switches) for each in memory)


def _switched(adaptor: AdaptorT, inner_width: int, switches: dict[str, str]) -> AdaptorT:
    config = adaptor.config
    own = {field.name: getattr(config, field.name) for field in fields(AdaptorConfig)}
    other = AdaptorT(inner_width, AdaptorConfig(**{**own, **switches}), adaptor.chunk_bytes)
    state = adaptor.state_dict()
    for name, parameter in other.named_parameters():
        if name not in state:
            raise ValueError(
                f"these adaptors were trained without {name.replace('_', ' ')}; choose other "
                "switches"
            )
        parameter.data = state[name]
    return other
