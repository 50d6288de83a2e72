"""How far what a student says of tokens is from what its teacher saw there."""

import torch.nn.functional as F
from torch import Tensor

ALIGNMENT_LOSSES = ("cosine", "mse", "smooth_l1")


def alignment_loss(predicted: Tensor, aims: Tensor, kind: str = "cosine") -> Tensor:
    """Mean distance of tokens (K, B, V, C) of unit length: "cosine", "mse" or "smooth_l1".

    "cosine", the published one, is 2 - 2 cos, the squared distance of two tokens; the others are
    means over channels too.
    """
    predicted, aims = predicted.float(), aims.float()
    if kind == "cosine":
        return (2 - 2 * (predicted * aims).sum(-1)).mean()
    return {"mse": F.mse_loss, "smooth_l1": F.smooth_l1_loss}[kind](predicted, aims)
