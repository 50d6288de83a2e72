"""What a masked clip does to a model's answer, against the share that is hidden."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from analysis.layers.visible_tokens import VisibleTokens
from analysis.masking.strategies import draw_masks
from analysis.models.videomamba import VideoMamba

# Masks of one share run together up to so many tokens, so that memory does not grow with draws.
_TOKENS_AT_ONCE = 8192


@dataclass(frozen=True)
class UnmaskedPass:
    """What the model makes of the whole clip.

    answer: the class it finds most probable; probability: of it, 0 to 1.
    tokens: (1, L, D) final tokens, CLS first; readout: (1, D) what the classifier is given.
    """

    answer: int
    probability: float
    tokens: Tensor
    readout: Tensor


@dataclass(frozen=True)
class MaskEffect:
    """One strategy at one ratio, a value per drawn mask.

    ratio: asked for; real_ratio: share of patches hidden after rounding; visible: patches left.
    probability: of the class that the whole clip is given, 0 to 1.
    same_answer: whether that class is still the most probable.
    token_similarity: mean cosine, -1 to 1, of the visible patches' final tokens with their own in
        the unmasked pass.
    readout_similarity: cosine of what the classifier is given with that of the unmasked pass.
    """

    strategy: str
    ratio: float
    real_ratio: float
    visible: int
    probability: tuple[float, ...]
    same_answer: tuple[bool, ...]
    token_similarity: tuple[float, ...]
    readout_similarity: tuple[float, ...]


@torch.inference_mode()
def unmasked_pass(model: VideoMamba, clip: Tensor) -> UnmaskedPass:
    """The whole clip (C, T, H, W), or image (C, H, W) for image models."""
    tokens = model.forward_features(clip[None])
    readout = model.readout(tokens)
    probabilities = model.head(readout).float().softmax(-1)[0]
    answer = int(probabilities.argmax())
    return UnmaskedPass(answer, float(probabilities[answer]), tokens, readout)


def mask_effects(
    model: VideoMamba,
    clip: Tensor,
    strategies: Sequence[str],
    ratios: Sequence[float],
    draws: int,
    generator: torch.Generator,
    weights: Mapping[str, Tensor] | None = None,
) -> Iterator[MaskEffect]:
    """Effects of masks drawn anew for every strategy and ratio, ratio by ratio.

    Hidden tokens are dropped before the first block (VideoMamba paper, section 3.4), which a
    classifier was not trained for: this measures how well it bears that. `weights` (t, h*w) by
    name of the strategy that reads them. The model is in evaluation mode and stays as it is.

    Raises ValueError, one sentence, as `draw_masks` does.
    """
    whole = unmasked_pass(model, clip)
    for ratio in ratios:
        for strategy in strategies:
            given = (weights or {}).get(strategy)
            masks = draw_masks(strategy, model.token_grid, ratio, draws, generator, given)
            yield masked_effect(model, clip, masks.to(clip.device), whole, strategy, ratio)


@torch.inference_mode()
def masked_effect(
    model: VideoMamba, clip: Tensor, masks: Tensor, whole: UnmaskedPass, strategy: str, ratio: float
) -> MaskEffect:
    """What `masks` (draws, L) do to the pass over one clip; `strategy` and `ratio` name them."""
    patches = masks.shape[1] - 1
    visible = int((~masks[0, 1:]).sum())
    at_once = max(1, _TOKENS_AT_ONCE // (1 + visible))
    parts = [_drawn(model, clip, some, whole) for some in masks.split(at_once)]
    probability, same, tokens, readout = (
        torch.cat(part).tolist() for part in zip(*parts, strict=True)
    )
    return MaskEffect(
        strategy,
        ratio,
        1 - visible / patches,
        visible,
        tuple(probability),
        tuple(same),
        tuple(tokens),
        tuple(readout),
    )


def _drawn(
    model: VideoMamba, clip: Tensor, masks: Tensor, whole: UnmaskedPass
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Probability, sameness and both similarities of masks run together, (draws,) each."""
    tokens = model.forward_features(clip[None], masks)
    readout = model.readout(tokens)
    probabilities = model.head(readout).float().softmax(-1)
    before = VisibleTokens(model.token_grid, masks).of(whole.tokens)
    return (
        probabilities[:, whole.answer],
        probabilities.argmax(-1) == whole.answer,
        F.cosine_similarity(tokens[:, 1:], before[:, 1:], dim=-1).mean(1),
        F.cosine_similarity(readout, whole.readout, dim=-1),
    )
