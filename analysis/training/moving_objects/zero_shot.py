"""How often a text finds its own clip among others that are much like it."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from analysis.models.videomamba_retrieval import VideoMambaRetrieval
from analysis.ops.video_text import similarity
from analysis.text.word_pieces import TextBatch, WordPieces, plain_text
from analysis.training.clip_feed import normalised
from analysis.training.moving_objects.captioned_clips import CaptionedClip, CaptionedClips
from analysis.training.moving_objects.captions import phrasings
from analysis.training.moving_objects.composition import ATTRIBUTES

GALLERY = 200
LONGEST_CAPTION = 32
_SEED, _CLIPS_AT_ONCE = 0xE7A1, 50


def caption_tokens(pieces: WordPieces, captions: Sequence[str]) -> TextBatch:
    """Captions as a model reads them, in training and when it is asked."""
    return pieces.encode([plain_text(text) for text in captions], LONGEST_CAPTION)


def gallery_generator(number: int) -> np.random.Generator:
    """What gallery `number` is drawn with, the same ever after."""
    return np.random.default_rng([3, _SEED, number])


def found_first(
    model: VideoMambaRetrieval, clips: CaptionedClips, pieces: WordPieces, rounds: int
) -> float:
    """Share (0 to 1) of sentences most similar to their own of `GALLERY` clips, over `rounds`."""
    right = 0
    for number in range(rounds):
        shown = list(clips.different(GALLERY, gallery_generator(number)))
        texts = _texts(model, pieces, [one.caption for one in shown])
        best = similarity(_videos(model, shown), texts).argmax(0)
        right += int((best == torch.arange(GALLERY)).sum())
    return right / (rounds * GALLERY)


def told_apart(
    model: VideoMambaRetrieval, clips: CaptionedClips, pieces: WordPieces
) -> dict[str, float]:
    """Share (0 to 1) of `GALLERY` clips whose own sentence wins against those that say another
    thing of one of `ATTRIBUTES`, all else being equal."""
    shown = list(clips.different(GALLERY, gallery_generator(0)))
    videos, shares = _videos(model, shown), {}
    for attribute, values in ATTRIBUTES.items():
        right = 0
        for clip, video in zip(shown, videos, strict=True):
            variants = [replace(clip.composition, **{attribute: value}) for value in values]
            texts = _texts(model, pieces, [phrasings(variant)[0] for variant in variants])
            best = int(similarity(video[None], texts)[0].argmax())
            right += values[best] == getattr(clip.composition, attribute)
        shares[attribute] = right / GALLERY
    return shares


@torch.inference_mode()
def _videos(model: VideoMambaRetrieval, shown: Sequence[CaptionedClip]) -> Tensor:
    model.eval()
    device, parts = model.text_proj.weight.device, []
    for start in range(0, len(shown), _CLIPS_AT_ONCE):
        pixels = np.stack([one.pixels for one in shown[start : start + _CLIPS_AT_ONCE]])
        seen = model.see(normalised(pixels).to(device))
        parts.append(model.video_directions(seen.pooled).cpu())
    return torch.cat(parts)


@torch.inference_mode()
def _texts(model: VideoMambaRetrieval, pieces: WordPieces, texts: Sequence[str]) -> Tensor:
    model.eval()
    device = model.text_proj.weight.device
    read = caption_tokens(pieces, texts)
    directions = model.text_directions(model.read(read.tokens.to(device), read.padding.to(device)))
    return directions.cpu()
