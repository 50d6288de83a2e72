"""The rules of MambaLRP as edits of a forward pass: values stay, gradients become relevance.

Relevance is input times gradient of the edited pass (MambaLRP, arXiv 2406.07592). The gamma rule
is the one that keeps signs apart, because normalised pixels have both.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class LrpRules:
    """Which rules are on; with all of them off relevance is gradient times input.

    silu: the sigmoid of a SiLU is a constant.
    scan: the state space is linear in its input: step sizes, B and C are constants.
    gate: each factor of a gated product takes half of its relevance.
    norm: the scale of a norm is a constant.
    gamma: how much the patch embedding favours what agrees with the sign of its output; 0 is the
        plain rule.
    """

    silu: bool = True
    scan: bool = True
    gate: bool = True
    norm: bool = True
    gamma: float = 0.0

    def apply_silu(self, x: Tensor) -> Tensor:
        """x * sigmoid(x)."""
        return x * torch.sigmoid(x).detach() if self.silu else F.silu(x)

    def select(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """What steers a scan, a constant where the rule is on."""
        return tuple(x.detach() for x in tensors) if self.scan else tensors

    def multiply(self, x: Tensor, gate: Tensor) -> Tensor:
        """x * gate."""
        product = x * gate
        return product / 2 + (product / 2).detach() if self.gate else product

    def normalise(self, norm: nn.Module, x: Tensor, bias: Tensor | None) -> Tensor:
        """What `norm`, an RMSNorm or LayerNorm of the blocks, gives for x (..., D).

        `bias` stands in for the norm's own, None where it has none.
        """
        if isinstance(norm, nn.LayerNorm):
            x = x - x.mean(-1, keepdim=True)
        scale = torch.rsqrt(x.square().mean(-1, keepdim=True) + norm.eps)
        out = x * (scale.detach() if self.norm else scale) * norm.weight.detach()
        return out if bias is None else out + bias

    def embed(self, patches: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """patches (..., P) times weight (D, P) plus bias (D,).

        With gamma, contributions of the same sign as the sum weigh 1 + gamma, the bias like any.
        """
        out = F.linear(patches, weight, bias)
        if not self.gamma:
            return out
        up, down = patches.clamp(min=0), patches.clamp(max=0)
        rising, falling = weight.clamp(min=0), weight.clamp(max=0)
        agreeing = torch.where(
            out.detach() > 0,
            F.linear(up, rising, bias.clamp(min=0)) + F.linear(down, falling),
            F.linear(up, falling, bias.clamp(max=0)) + F.linear(down, rising),
        )
        favoured = out + self.gamma * agreeing
        ratio = torch.where(favoured == 0, 0, out / favoured)
        return favoured * ratio.detach()
