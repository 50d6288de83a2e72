"""Why a clip matches a text: parts of their similarity, which sum to it exactly.

The similarity is a mean of cosines, one for each vector that stands for the clip. With the
denominators held at their values (of the final norm, of the norm behind pooling, and the lengths
of the projected vectors) all that follows the last layer is linear, and that layer is so with its
input-dependent factors held: what `last_layer` does for a class, along the text instead.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from analysis.attribution.exact.frozen_norm import norm_constant, slope_before_norm
from analysis.attribution.exact.readout import class_evidence
from analysis.attribution.method import AttributionError
from analysis.layers.token_grid import TokenGrid
from analysis.models.videomamba_retrieval import VideoMambaRetrieval
from analysis.ops.video_text import similarity
from analysis.tracing.token_positions import CLS_INDEX, on_grid
from analysis.tracing.video_trace import VideoTrace, record_video

LEVELS: dict[str, str] = {
    "final": "tokens after the last layer",
    "entering": "tokens that enter the last layer",
}
"""Which tokens a similarity is shared out among."""


@dataclass(frozen=True, eq=False)
class MatchParts:
    """A similarity as a sum over tokens, CLS and constants.

    values: float64 (t, h, w), signed. cls_value: of CLS. constant: of biases, which belong to no
    token. completeness_error: |sum - similarity| relative to the magnitudes of patches, CLS and
    constant together, since a difference of two texts may be next to nothing.
    """

    values: Tensor
    cls_value: float
    constant: float
    completeness_error: float

    @property
    def total(self) -> float:
        """The sum of all parts."""
        return float(self.values.sum()) + self.cls_value + self.constant


@dataclass(frozen=True, eq=False)
class VectorParts:
    """What each of the P vectors that stand for the clip adds to the similarity, float64 (P,).

    patches, cls, constant: by where it comes from, of the tokens after the last layer; with one
    vector a time step the patches are those of the step.
    """

    patches: Tensor
    cls: Tensor
    constant: Tensor

    @property
    def cosines(self) -> Tensor:
        """(P,) the vectors' own cosines with the text; their mean is the similarity."""
        return (self.patches + self.cls + self.constant) * len(self.patches)


@dataclass(frozen=True, eq=False)
class MatchEvidence:
    """Why a clip and a text are as similar as they are.

    similarity: the model's own, -1 to 1. parts: by the names of `LEVELS`. vectors: by vector.
    layer: number of the last one.
    """

    grid: TokenGrid
    similarity: float
    parts: dict[str, MatchParts]
    vectors: VectorParts
    layer: int


def match_evidence(model: VideoMambaRetrieval, clip: Tensor, direction: Tensor) -> MatchEvidence:
    """Shares the similarity of a clip (C, T, H, W) with a text's `direction` (C,) out.

    Of the difference of two directions it is the difference of their similarities: why the one
    text rather than the other. The model is left as it was.

    Raises AttributionError, one sentence, for clips and directions that do not fit and for a model
    in half precision.
    """
    weight = model.vision_proj.weight
    if tuple(direction.shape) != (len(weight),):
        raise AttributionError(
            f"The direction of a text has {len(weight)} numbers here, got {tuple(direction.shape)}."
        )
    try:
        trace = record_video(model.vision_encoder, clip.to(weight.device, weight.dtype))
    except ValueError as error:
        raise AttributionError(f"{str(error)[:1].upper()}{str(error)[1:]}.") from error
    with torch.inference_mode(False):
        return _shared_out(model, trace, direction.detach().clone().cpu().to(weight.dtype))


def _shared_out(model: VideoMambaRetrieval, trace: VideoTrace, direction: Tensor) -> MatchEvidence:
    similar = _similarity(model, trace, direction)
    before_pool, constants = _slope_before_pooling(model, trace, direction)
    slope = _slope_of_tokens(model, trace, before_pool)
    constant = float(constants.double().sum())
    final = (slope * trace.final_tokens).sum(-1)

    encoder, layer = model.vision_encoder, trace.last.trace()
    in_stream = slope_before_norm(encoder.norm, trace.final_residual, slope)
    mixed = class_evidence(layer, in_stream)
    entering = mixed.values.sum(0) + (layer.residual * in_stream).sum(-1)
    biases = norm_constant(encoder.norm, slope).double().sum() + mixed.bias.double().sum()
    return MatchEvidence(
        grid=trace.grid,
        similarity=similar,
        parts={
            "final": _parts(final, constant, similar, trace.grid),
            "entering": _parts(entering, constant + float(biases), similar, trace.grid),
        },
        vectors=_vectors(model, trace, before_pool, constants),
        layer=layer.layer,
    )


@torch.no_grad()
def _similarity(model: VideoMambaRetrieval, trace: VideoTrace, direction: Tensor) -> float:
    pooled = trace.pooled.to(model.vision_proj.weight.device)
    return float(similarity(model.video_directions(pooled)[None].cpu(), direction[None]))


@torch.no_grad()
def _slope_before_pooling(
    model: VideoMambaRetrieval, trace: VideoTrace, direction: Tensor
) -> tuple[Tensor, Tensor]:
    """Slope (P, D) in what is gathered of the tokens, and the constant (P,) of each vector."""
    weight, bias = model.vision_proj.weight.cpu(), model.vision_proj.bias.cpu()
    projected = trace.pooled @ weight.T + bias
    lengths = torch.linalg.vector_norm(projected, dim=-1) * len(projected)
    slope = (direction @ weight) / lengths[:, None]
    pool_norm = model.vision_encoder.pool_norm
    constants = (direction @ bias) / lengths + norm_constant(pool_norm, slope)
    return slope_before_norm(pool_norm, trace.gathered, slope), constants


def _slope_of_tokens(model: VideoMambaRetrieval, trace: VideoTrace, slope: Tensor) -> Tensor:
    """Slope (L, D) in the final tokens from one (P, D) in what is gathered of them."""
    with torch.enable_grad():
        tokens = trace.final_tokens.clone().requires_grad_()
        along = (_gathered(model, trace.grid, tokens) * slope).sum()
        return torch.autograd.grad(along, tokens)[0]


def _gathered(model: VideoMambaRetrieval, grid: TokenGrid, tokens: Tensor) -> Tensor:
    """What stands for the clip (P, D), of final tokens (L, D), before its norm."""
    encoder = model.vision_encoder
    return encoder.gather(tokens[None], grid.t if encoder.config.keep_temporal else None)[0]


@torch.no_grad()
def _vectors(
    model: VideoMambaRetrieval, trace: VideoTrace, slope: Tensor, constants: Tensor
) -> VectorParts:
    cls_alone = torch.zeros_like(trace.final_tokens)
    cls_alone[CLS_INDEX] = trace.final_tokens[CLS_INDEX]
    patches, cls = (
        (_gathered(model, trace.grid, tokens) * slope).sum(-1).double()
        for tokens in (trace.final_tokens - cls_alone, cls_alone)
    )
    return VectorParts(patches, cls, constants.double())


def _parts(tokens: Tensor, constant: float, similar: float, grid: TokenGrid) -> MatchParts:
    tokens = tokens.detach().double()
    values, cls_value = on_grid(tokens, grid), float(tokens[CLS_INDEX])
    parts = (float(values.sum()), cls_value, constant)
    return MatchParts(
        values=values,
        cls_value=cls_value,
        constant=constant,
        completeness_error=abs(sum(parts) - similar) / (sum(map(abs, parts)) or 1.0),
    )
