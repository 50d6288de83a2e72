"""AdamW as the published training sets it up."""

import torch
from torch import nn

from analysis.training.layer_decay import parameter_groups
from analysis.training.recipe import Optimizer


def make_optimizer(model: nn.Module, options: Optimizer) -> torch.optim.AdamW:
    """AdamW with weight decay on weight matrices only and, if asked, lower rates below the head.

    It holds what is trained; frozen parameters are not in it.
    """
    groups = parameter_groups(
        model,
        options.weight_decay,
        options.layer_decay,
        options.layer_decay_reaches,
        options.trained_before_rate,
    )
    return torch.optim.AdamW(groups, lr=options.learning_rate, betas=options.betas)
