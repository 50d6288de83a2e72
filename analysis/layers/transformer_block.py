"""The pre-norm block of vision transformers (arXiv 2010.11929): attention, then an MLP."""

import torch.nn.functional as F
from torch import Tensor, nn

from analysis.ops.attention import attention
from analysis.ops.region import region

# As in the published code of all models built from these blocks.
NORM_EPS = 1e-6


class SelfAttention(nn.Module):
    """Multi-head attention of tokens to each other, with the projections around it.

    Args:
        width: D, channels of the tokens.
        heads: number of heads; D is a multiple of it.
        kernel: one of `analysis.ops.attention.ATTENTION_KERNELS`.
    """

    def __init__(self, width: int, heads: int, kernel: str):
        super().__init__()
        self.heads, self.kernel = heads, kernel
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """Tokens (B, L, D) to tokens (B, L, D)."""
        with region("qkv"):
            q, k, v = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        with region("attention"):
            mixed = attention(q, k, v, kernel=self.kernel)
        with region("out_proj"):
            return self.proj(mixed.transpose(1, 2).flatten(2))


class MLP(nn.Module):
    """Two linear layers with GELU between; `approximate` as in `torch.nn.functional.gelu`."""

    def __init__(self, width: int, inner_width: int, approximate: str):
        super().__init__()
        self.approximate = approximate
        self.fc1 = nn.Linear(width, inner_width)
        self.fc2 = nn.Linear(inner_width, width)

    def forward(self, x: Tensor) -> Tensor:
        with region("mlp"):
            return self.fc2(F.gelu(self.fc1(x), approximate=self.approximate))


class TransformerBlock(nn.Module):
    """Attention and an MLP, each normalised before and added to what came in.

    Args:
        width, heads, kernel: as in `SelfAttention`.
        inner_width: of the MLP.
        approximate: as in `MLP`.
    """

    def __init__(self, width: int, heads: int, inner_width: int, kernel: str, approximate: str):
        super().__init__()
        self.norm1 = transformer_norm(width)
        self.attn = SelfAttention(width, heads, kernel)
        self.norm2 = transformer_norm(width)
        self.mlp = MLP(width, inner_width, approximate)

    def forward(self, x: Tensor) -> Tensor:
        """Tokens (B, L, D) to tokens (B, L, D)."""
        return self.think(x + self.attn(normed(self.norm1, x)))

    def think(self, x: Tensor) -> Tensor:
        """The second half of the block, token by token."""
        return x + self.mlp(normed(self.norm2, x))


def transformer_norm(width: int) -> nn.LayerNorm:
    """The layer norm before every part of a block and after the last block."""
    return nn.LayerNorm(width, eps=NORM_EPS)


def normed(norm: nn.LayerNorm, x: Tensor) -> Tensor:
    """`norm` of tokens, in the profiler's region of norms."""
    with region("norm"):
        return norm(x)
