"""MambaLRP: relevance that is conserved from the logit down to the pixels and the biases."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from analysis.attribution.lrp_rules import LrpRules
from analysis.attribution.method import (
    Answer,
    AttributionError,
    Method,
    Question,
    inside_videomamba,
    relative_error,
    videomamba,
)
from analysis.layers.mixer import BidirectionalMixer
from analysis.models.videomamba import VideoMamba
from analysis.ops.causal_conv import causal_conv
from analysis.ops.scan_order import LayerScan
from analysis.ops.selective_scan import selective_scan


def mamba_lrp(
    question: Question, *, silu: bool, scan: bool, gate: bool, norm: bool, gamma: float
) -> Answer:
    """Relevance of every pixel under the rules that are on (`LrpRules`).

    With all rules on, pixels, the CLS token and biases together hold the logit. Biases are all
    that a model adds to what it sees: of convolutions, norms and head, and the position tables;
    the CLS token with its own position is a learned input.
    """
    rules = LrpRules(silu, scan, gate, norm, _favour(gamma))
    edited = EditedForward(videomamba(question.model, "MambaLRP"), rules)
    clip = question.clip.clone().requires_grad_()
    logit = edited.logits(clip)[0, question.target]
    inputs = [clip, edited.cls, *edited.biases]
    gradients = torch.autograd.grad(logit, inputs, allow_unused=True, materialize_grads=True)
    relevance, *rest = (x.detach() * g for x, g in zip(inputs, gradients, strict=True))
    cls, *of_biases = (float(x.double().sum()) for x in rest)
    bias, promised = sum(of_biases), float(logit.detach())
    total = float(relevance.double().sum()) + cls + bias
    return question.from_pixels(
        relevance,
        signed=True,
        cls_value=cls,
        completeness_error=relative_error(total, promised),
        bias_share=bias / promised if promised else None,
        settings={"logit": promised},
    )


class EditedForward:
    """The forward pass of a VideoMamba in eval mode, with rules in the places of its operations.

    The model itself is only read. `biases` are stand-ins for everything it adds and `cls` for the
    CLS token, made by the pass, so that their gradients can be asked for.
    """

    def __init__(self, model: VideoMamba, rules: LrpRules):
        self.model, self.rules = model, rules
        self.biases: list[Tensor] = []
        self.cls: Tensor | None = None

    def logits(self, clip: Tensor) -> Tensor:
        """(1, num_classes) of a clip (1, 3, T, H, W)."""
        model, residual = self.model, None
        hidden = self._embed(clip)
        for block, scan in zip(model.layers, model.layer_scans, strict=True):
            residual = hidden if residual is None else residual + hidden
            hidden = self._mix(block.mixer, self._normalise(block.norm, residual), scan)
        features = self._normalise(model.norm_f, residual + hidden)
        head = model.head
        if isinstance(head, nn.Identity):
            return model.readout(features)
        return F.linear(model.readout(features), head.weight.detach(), self._bias(head.bias))

    def _bias(self, parameter: Tensor | None) -> Tensor | None:
        if parameter is None:
            return None
        self.biases.append(parameter.detach().clone().requires_grad_())
        return self.biases[-1]

    def _embed(self, clip: Tensor) -> Tensor:
        """As `VideoMambaTrunk.embed`."""
        model, grid = self.model, self.model.token_grid
        proj = model.patch_embed.proj
        frames, (height, width) = clip.shape[2] // grid.t, proj.kernel_size[-2:]
        cut = clip.reshape(1, -1, grid.t, frames, grid.h, height, grid.w, width)
        patches = cut.permute(0, 2, 4, 6, 1, 3, 5, 7).reshape(1, grid.t, grid.h * grid.w, -1)
        weight = proj.weight.detach().flatten(1)
        tokens = self.rules.embed(patches, weight, self._bias(proj.bias))
        positions = model.position_table()
        tokens = tokens + self._bias(positions[:, 1:])[:, None]
        if model.config.num_frames is not None:
            tokens = tokens + self._bias(model.temporal_pos_embedding)[:, :, None]
        self.cls = (model.cls_token + positions[:, :1]).detach().requires_grad_()
        return torch.cat([self.cls, tokens.flatten(1, 2)], dim=1)

    def _normalise(self, norm: nn.Module, x: Tensor) -> Tensor:
        return self.rules.normalise(norm, x, self._bias(getattr(norm, "bias", None)))

    def _mix(self, mixer: BidirectionalMixer, x: Tensor, scan: LayerScan) -> Tensor:
        """As `BidirectionalMixer.forward`, one scan after another."""
        inner, z = F.linear(x, mixer.in_proj.weight.detach()).split(mixer.inner_width, dim=-1)
        total = 0
        for orders, suffix in ((scan.forward, ""), (scan.backward, "_b")):
            bias = self._bias(mixer.get_submodule(f"conv1d{suffix}").bias)
            for order in orders:
                read, back = self.model.token_grid.sequence(order, x.device)
                y = self._scan(mixer, inner[:, read], suffix, bias)
                total = total + y[:, back] / len(orders)
        mixed = self.rules.multiply(total, self.rules.apply_silu(z))
        return F.linear(mixed, mixer.directions_share * mixer.out_proj.weight.detach())

    def _scan(self, mixer: BidirectionalMixer, inner: Tensor, suffix: str, bias: Tensor) -> Tensor:
        """One direction on inner tokens (1, L, E) in the order to be read."""
        reverse = suffix == "_b"
        conv, x_proj, dt_proj = (
            mixer.get_submodule(name + suffix) for name in ("conv1d", "x_proj", "dt_proj")
        )
        taps = conv.weight.detach()[:, 0]
        c = causal_conv(inner.transpose(1, 2), taps, bias, silu=False, reverse=reverse)
        u = self.rules.apply_silu(c)
        step, B, C = x_proj(u.transpose(1, 2)).split(
            [mixer.delta_rank, mixer.state_size, mixer.state_size], dim=-1
        )
        delta, B, C = self.rules.select(F.linear(step, dt_proj.weight), B, C)
        y = selective_scan(
            u,
            delta.transpose(1, 2),
            -torch.exp(mixer.get_parameter(f"A{suffix}_log").detach().float()),
            B.transpose(1, 2),
            C.transpose(1, 2),
            mixer.get_parameter(f"D{suffix}").detach(),
            delta_bias=dt_proj.bias.detach(),
            delta_softplus=True,
            reverse=reverse,
        )
        return y.transpose(1, 2)


def _favour(gamma: object) -> float:
    if isinstance(gamma, bool) or not isinstance(gamma, int | float) or not 0 <= gamma < 1e6:
        raise AttributionError(f"gamma must be a number from 0 up, got {gamma!r}.")
    return float(gamma)


METHODS = (
    Method(
        "mamba_lrp",
        "MambaLRP",
        "relevance",
        "The logit handed back layer by layer, nothing lost on the way to pixels and biases.",
        "arXiv 2406.07592",
        mamba_lrp,
        {"silu": True, "scan": True, "gate": True, "norm": True, "gamma": 0.0},
        omits=("how tokens steer the scans through step sizes, B and C",),
        check=inside_videomamba,
    ),
)
