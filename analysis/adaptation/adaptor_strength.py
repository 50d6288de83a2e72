"""Adaptors turned down, up or off for a while."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn

from analysis.models.mamba_adaptor import memories, scan_layers


@contextmanager
def adaptors_at(
    model: nn.Module,
    strength: float = 1.0,
    *,
    memory: bool = True,
    convolutions: bool = True,
) -> Iterator[None]:
    """Within the block gamma and the kernels are `strength` times what they are.

    At 0 the host is left as it was without adaptors. `memory` and `convolutions` tell which kind
    takes part at all. Afterwards every parameter is the tensor that it was.
    """
    layers = list(scan_layers(model))
    standing = [(layer, layer.adaptor_t, layer.adaptor_s) for layer in layers]
    scaled = [adaptor.gamma for adaptor in memories(model)]
    for _, _, adaptor_s in standing:
        scaled += [] if adaptor_s is None else adaptor_s.kernels
    amounts = {parameter: parameter.data for parameter in scaled}
    try:
        for parameter, value in amounts.items():
            parameter.data = strength * value
        for layer, adaptor_t, adaptor_s in standing:
            layer.adaptor_t = adaptor_t if memory else None
            layer.adaptor_s = adaptor_s if convolutions else None
        yield
    finally:
        for parameter, value in amounts.items():
            parameter.data = value
        for layer, adaptor_t, adaptor_s in standing:
            layer.adaptor_t, layer.adaptor_s = adaptor_t, adaptor_s
