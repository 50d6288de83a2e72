"""The model a run starts from."""

import math
from collections.abc import Mapping

import torch
from torch import nn

from analysis.models import create_model
from analysis.training.errors import TrainingError
from analysis.training.recipe import ModelChoice
from analysis.training.trained_part import choose_trained
from analysis.weights.initial import load_initial_weights


def initial_model(choice: ModelChoice, options: Mapping[str, object], seed: int) -> nn.Module:
    """Built and initialised from `seed`, without touching torch's own generator; gradients are
    asked for what the recipe trains.

    `options` are what the objective asks of `create_model`, such as the number of classes. With
    `choice.weights` tensors are then taken from there. Raises TrainingError or WeightsError, one
    sentence, for sizes and weights that do not fit.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            model = create_model(choice.name, **options, **choice.overrides())
        except (TypeError, ValueError) as error:
            raise TrainingError(
                f"{choice.name} cannot be made for this objective: {error}."
            ) from error
    if choice.step_sizes is not None:
        spread_step_sizes(model, choice.step_sizes, torch.Generator().manual_seed(seed))
    if choice.weights is not None:
        load_initial_weights(
            model, choice.weights, keep_head=choice.keep_head, carry_norm=choice.carry_norm
        )
    choose_trained(model, choice.trained)
    return model


def spread_step_sizes(
    model: nn.Module, limits: tuple[float, float], generator: torch.Generator
) -> None:
    """Start the scans with step sizes spread log-uniformly between `limits`.

    The published initialisation gives every channel a step of softplus(0) = 0.69, which forgets
    within a few tokens; trained from scratch on little data, channels with long memories help
    (Mamba, arXiv 2312.00752, section 3.6).
    """
    low, high = (math.log(limit) for limit in limits)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith(("dt_proj.bias", "dt_proj_b.bias")):
                draw = torch.rand(parameter.shape, generator=generator)
                step = torch.exp(low + draw * (high - low))
                # The inverse of softplus.
                parameter.copy_(step + torch.log(-torch.expm1(-step)))
