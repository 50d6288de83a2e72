"""The published initialisations, in effect rather than in sequence."""

import math

import torch
from torch import nn

from analysis.layers.cross_scan import CrossScan
from analysis.layers.first_steps import start_steps_
from analysis.layers.mixer import BidirectionalMixer


def initialize_videomamba(model: nn.Module) -> None:
    """Sets every parameter of a VideoMamba the way training from scratch starts.

    Linear weights are truncated normal (0.02) with zero biases: this includes dt_proj, whose
    own initialisation the published code overwrites, so that the first step sizes are
    softplus(0). Output projections are Kaiming-uniform over the square root of the depth, position
    tables truncated normal (0.02), CLS and temporal table zero, A = -(1..N), D = 1.
    """
    _initialize_projections(model)
    nn.init.trunc_normal_(model.pos_embed, std=0.02)
    for module in model.modules():
        if isinstance(module, BidirectionalMixer):
            nn.init.kaiming_uniform_(module.out_proj.weight, a=math.sqrt(5))
            module.out_proj.weight.data /= math.sqrt(len(model.layers))


def initialize_transformer(model: nn.Module) -> None:
    """Sets every parameter of a vision transformer the way training from scratch starts.

    Linear weights, CLS and spatial position tables are truncated normal (0.02), biases and tables
    of moments zero; the stem is VideoMamba's.
    """
    _initialize_projections(model)
    for table in (model.cls_token, model.pos_embed):
        nn.init.trunc_normal_(table, std=0.02)


def initialize_vim(model: nn.Module) -> None:
    """Sets every parameter of a Vim the way training from scratch starts.

    As VideoMamba, but for CLS, truncated normal (0.02), and the projections inside mixers, which
    keep PyTorch's own start, or the Mamba paper's in the case of step sizes.
    """
    nn.init.trunc_normal_(model.cls_token, std=0.02)
    for mixer in model.modules():
        if isinstance(mixer, BidirectionalMixer):
            for projection in (mixer.in_proj, mixer.x_proj, mixer.x_proj_b):
                projection.reset_parameters()
            for projection in (mixer.dt_proj, mixer.dt_proj_b):
                start_steps_(projection.weight, projection.bias)


def initialize_vmamba(model: nn.Module) -> None:
    """Sets every parameter of a VMamba the way training from scratch starts.

    Linear weights are truncated normal (0.02) with zero biases, A = -(1..N), D = 1; convolutions
    keep PyTorch's own start.
    """
    for module in model.modules():
        if isinstance(module, nn.Linear):
            nn.init.trunc_normal_(module.weight, std=0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, CrossScan):
            _initialize_cross_scan(module)


def _initialize_cross_scan(layer: CrossScan) -> None:
    bound = 1 / math.sqrt(layer.inner_width)
    nn.init.uniform_(layer.x_proj_weight, -bound, bound)
    start_steps_(layer.dt_projs_weight, layer.dt_projs_bias)
    rates = torch.arange(1, layer.state_size + 1, dtype=torch.float32)
    layer.A_logs.data.copy_(rates.log().expand_as(layer.A_logs))
    nn.init.ones_(layer.Ds)


def _initialize_projections(model: nn.Module) -> None:
    """Linear layers truncated normal (0.02) with zero biases, and the stem."""
    for module in model.modules():
        if isinstance(module, nn.Linear):
            nn.init.trunc_normal_(module.weight, std=0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Conv2d | nn.Conv3d):
            _initialize_stem(module)


def _initialize_stem(stem: nn.Conv2d | nn.Conv3d) -> None:
    """LeCun-normal patches: unit variance out for unit variance in."""
    nn.init.trunc_normal_(stem.weight, std=1 / math.sqrt(stem.weight[0].numel()))
    nn.init.zeros_(stem.bias)
