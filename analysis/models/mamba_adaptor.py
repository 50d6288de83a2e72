"""Mamba-Adaptor (arXiv 2505.12685): hosts whose blocks have memory and multi-scale convolutions.

The host keeps its own names in the state dict; adaptors stand under `.adaptor_t.` and
`.adaptor_s.` of each block's mixer, so host checkpoints fit but for those. Sizes of the backbones
are our reading of the paper's parameter counts and FLOPs, which its widths were not found for.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from torch import nn

from analysis.layers.adaptor_config import AdaptorConfig
from analysis.layers.adaptor_s import AdaptorS
from analysis.layers.adaptor_t import AdaptorT, DirectionAdaptors
from analysis.layers.cross_scan import CrossScan
from analysis.layers.mixer import BidirectionalMixer
from analysis.models import vim, vmamba
from analysis.models.registry import register_model
from analysis.models.videomamba import VideoMamba, VideoMambaConfig
from analysis.models.videomamba_trunk import SIZES
from analysis.models.vim import Vim, VimConfig
from analysis.models.vmamba import VMamba, VMambaConfig

_ADAPTORS = (".adaptor_t.", ".adaptor_s.")
HEADS = ("head.", "classifier.head.")


def is_adaptor_tensor(name: str) -> bool:
    """Whether an entry of a state dict belongs to an adaptor, and not to its host."""
    return any(part in name for part in _ADAPTORS)


def has_adaptors(model: nn.Module) -> bool:
    """Whether a model is a host with adaptors."""
    return any(is_adaptor_tensor(name) for name, _ in model.named_parameters())


def scan_layers(model: nn.Module) -> Iterator[BidirectionalMixer | CrossScan]:
    """The layers of a host that can have adaptors, from the first to the last."""
    for module in model.modules():
        if isinstance(module, BidirectionalMixer | CrossScan):
            yield module


def memories(model: nn.Module) -> list[AdaptorT]:
    """Every Adaptor-T of a model once, from the first layer to the last."""
    return [module for module in model.modules() if isinstance(module, AdaptorT)]


def add_adaptors(model: nn.Module, config: AdaptorConfig) -> None:
    """Gives every scan layer of a host its adaptors; those that share have the same object.

    Where they are to fine-tune, everything but adaptors and head is frozen.

    Raises ValueError where layers of different width are to share, and for widths that S does not
    divide.
    """
    layers = list(scan_layers(model))
    widths = sorted({layer.inner_width for layer in layers})
    if config.share == "all" and len(widths) > 1:
        raise ValueError(
            f"adaptors of {' and '.join(map(str, widths))} channels can't be one; choose share "
            "width or none"
        )
    made: dict[int, tuple[AdaptorT | DirectionAdaptors | None, AdaptorS | None]] = {}
    for number, layer in enumerate(layers):
        key = number if config.share == "none" else layer.inner_width
        if key not in made:
            made[key] = _memory(layer, config), _surroundings(layer, config)
        layer.adaptor_t, layer.adaptor_s = made[key]
    if config.usage == "fine_tuning":
        freeze_host(model)


def _memory(
    layer: BidirectionalMixer | CrossScan, config: AdaptorConfig
) -> AdaptorT | DirectionAdaptors | None:
    if not config.adaptor_t:
        return None
    if config.share_directions:
        return AdaptorT(layer.inner_width, config)
    return DirectionAdaptors(AdaptorT(layer.inner_width, config) for _ in range(layer.directions))


def _surroundings(layer: BidirectionalMixer | CrossScan, config: AdaptorConfig) -> AdaptorS | None:
    return AdaptorS(layer.inner_width, config) if config.adaptor_s else None


def freeze_host(model: nn.Module) -> None:
    """Leaves gradients to adaptors and the task head alone; the host's norms are frozen too."""
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(is_adaptor_tensor(name) or name.startswith(HEADS))


class _Adapted:
    """A host that gets its adaptors after its own initialisation."""

    def __init__(self, config: Any):
        super().__init__(config)
        add_adaptors(self, config)


@dataclass(frozen=True)
class AdaptedVMambaConfig(VMambaConfig, AdaptorConfig):
    """A VMamba and its adaptors."""

    def __post_init__(self) -> None:
        VMambaConfig.__post_init__(self)
        AdaptorConfig.__post_init__(self)


class AdaptedVMamba(_Adapted, VMamba):
    """A VMamba with adaptors on its four directions and on their sum."""


@dataclass(frozen=True)
class AdaptedVideoMambaConfig(VideoMambaConfig, AdaptorConfig):
    """A VideoMamba and its adaptors."""

    def __post_init__(self) -> None:
        VideoMambaConfig.__post_init__(self)
        AdaptorConfig.__post_init__(self)


class AdaptedVideoMamba(_Adapted, VideoMamba):
    """A VideoMamba with adaptors on its two directions and on their sum, before the gate."""


@dataclass(frozen=True)
class AdaptedVimConfig(VimConfig, AdaptorConfig):
    """A Vim and its adaptors."""

    def __post_init__(self) -> None:
        VimConfig.__post_init__(self)
        AdaptorConfig.__post_init__(self)


class AdaptedVim(_Adapted, Vim):
    """A Vim with adaptors on its two directions and on their sum, before the gate."""


FAMILY = "mamba_adaptor"

_DEBUG = {"memory_sequences": 2, "memory_locations": 2, "dilations": (1, 2)}


def _register(name: str, model_class: type[nn.Module], config_class: type, **fields: Any) -> None:
    def configure(**overrides: Any) -> Any:
        return replace(config_class(**fields), **overrides)

    configure.__name__ = name
    register_model(FAMILY, model_class)(configure)


_BACKBONES = {
    "b1": {"drop_path_rate": 0.1},
    "b2": {"drop_path_rate": 0.2},
    "b2_wide": {"drop_path_rate": 0.2},
    "debug": _DEBUG,
}
_VMAMBA_SIZES = {"b1": "b1", "b2": "tiny", "b2_wide": "tiny_wide", "debug": "debug"}

for _name, _fields in _BACKBONES.items():
    _host = vmamba.SIZES[_VMAMBA_SIZES[_name]]
    _fields = {**_host, **_fields, "usage": "backbone"}
    _register(f"mamba_adaptor_{_name}", AdaptedVMamba, AdaptedVMambaConfig, **_fields)

for _size, _fields in vim.SIZES.items():
    _extra = _DEBUG if _size == "debug" else {}
    _register(f"vim_adaptor_{_size}", AdaptedVim, AdaptedVimConfig, **_fields, **_extra)

_VIDEO = {size: {"num_classes": 400} for size in ("tiny", "small", "middle", "base")}
_VIDEO |= {"mini": {"num_classes": 9, "readout": "mean"}, "debug": {"num_classes": 5, **_DEBUG}}

for _size, _fields in _VIDEO.items():
    _fields = {**SIZES[_size], **_fields}
    _register(f"videomamba_adaptor_{_size}", AdaptedVideoMamba, AdaptedVideoMambaConfig, **_fields)
