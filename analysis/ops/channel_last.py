"""Token tensors as the compiled kernels read them: float32, neighbouring channels adjacent."""

import numpy as np
from torch import Tensor


def channel_last(x: Tensor) -> Tensor:
    """(B, channels, L) in float32 with channel stride 1; copied only where it is not so already."""
    x = x.detach().float()
    if x.shape[1] > 1 and x.stride(1) != 1:
        x = x.transpose(1, 2).contiguous().transpose(1, 2)
    return x


def memory(x: Tensor) -> tuple[np.ndarray, int, int]:
    """Flat memory of a channel-last tensor with its batch stride and its position stride.

    The array shares the tensor's memory: element (b, c, l) is at b * batch + l * position + c.
    """
    (batch, channels, length), (by_batch, by_channel, by_position) = x.shape, x.stride()
    span = (batch - 1) * by_batch + (channels - 1) * by_channel + (length - 1) * by_position + 1
    # A one-channel tensor may carry any channel stride: only its first channel is ever read.
    return x.as_strided((span,), (1,)).numpy(), by_batch, by_position
