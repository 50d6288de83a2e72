"""AdamW as the published training sets it up."""

import torch
from torch import nn

from analysis.training.recipe import Optimizer

# Published VideoMamba training keeps these out of weight decay: state matrices, skip weights,
# position and class tables; norms and biases have fewer than two dimensions.
_UNDECAYED = ("A_log", "A_b_log", ".D", ".D_b", "pos_embed", "temporal_pos_embedding", "cls_token")


def make_optimizer(model: nn.Module, options: Optimizer) -> torch.optim.AdamW:
    """AdamW with weight decay on weight matrices only."""
    decayed, undecayed = [], []
    for name, parameter in model.named_parameters():
        bare = parameter.ndim < 2 or name.endswith(_UNDECAYED)
        (undecayed if bare else decayed).append(parameter)
    groups = [
        {"params": decayed, "weight_decay": options.weight_decay},
        {"params": undecayed, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=options.learning_rate, betas=options.betas)
