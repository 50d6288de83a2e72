"""Comparing videos with texts, and learning to: the losses of VideoMamba's joint pretraining.

Section 3.5 of the VideoMamba paper names them; the details are those of its published code.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


def similarity(videos: Tensor, texts: Tensor) -> Tensor:
    """Cosines (N, M) of videos (N, P, C) with texts (M, C), directions of unit length.

    Of a video's P directions the mean of their cosines counts. In float32 or better.
    """
    videos, texts = (x if x.dtype == torch.float64 else x.float() for x in (videos, texts))
    return videos.mean(1) @ texts.T


def contrastive_loss(
    similarities: Tensor, temperature: Tensor | float, identities: Tensor | None = None
) -> Tensor:
    """Every video of a batch against every text, both ways, mean over the batch (VTC).

    `similarities` (B, B) have videos in rows; row i and column i belong together. Pairs with the
    same number in `identities` (B,) share their aims. As CLIP's, arXiv 2103.00020, Fig. 3.
    """
    logits, aims = similarities / temperature, _belonging(similarities, identities)
    aims = aims / aims.sum(1, keepdim=True)
    # The same for rows and columns: who belongs together does so both ways.
    return (F.cross_entropy(logits, aims) + F.cross_entropy(logits.T, aims)) / 2


@dataclass(frozen=True)
class Negatives:
    """For every pair of a batch one of the other videos and one of the other texts.

    videos: (B,), numbers of the videos that stand beside the texts; texts: (B,), the converse.
    """

    videos: Tensor
    texts: Tensor


def hard_negatives(
    similarities: Tensor,
    temperature: Tensor | float,
    generator: torch.Generator,
    identities: Tensor | None = None,
) -> Negatives:
    """Draws what a model could take for a pair: the more similar, the likelier.

    Of the batch itself, without a momentum encoder (ALBEF, arXiv 2107.07651, section 3.2). In
    proportion to the softmax over the other videos, or texts; arguments as in `contrastive_loss`.
    Numbers are drawn on the generator's device.

    Raises ValueError when a pair has no others in its batch.
    """
    logits = similarities.detach() / temperature
    same = _belonging(similarities, identities).bool()
    if same.all(1).any():
        raise ValueError("a batch of pairs that all belong together has no negatives; mix it more")

    def drawn(rows: Tensor) -> Tensor:
        # Without what belongs together before the softmax: the others' proportions stay, and a
        # model that is sure leaves them weights that are not all zero.
        weights = rows.masked_fill(same, -torch.inf).softmax(1).to(generator.device)
        return torch.multinomial(weights, 1, generator=generator)[:, 0].to(rows.device)

    return Negatives(videos=drawn(logits.T), texts=drawn(logits))


def matching_loss(logits: Tensor) -> Tensor:
    """Mean cross-entropy of "belongs" logits (3B, 2): B pairs, then 2B negatives (VTM)."""
    labels = torch.zeros(len(logits), dtype=torch.long, device=logits.device)
    labels[: len(logits) // 3] = 1
    return F.cross_entropy(logits.float(), labels)


@dataclass(frozen=True)
class MaskedWords:
    """Texts with words hidden: tokens (B, L) to be read, targets (B, L) to be guessed.

    Targets are `NO_TARGET` where nothing was hidden.
    """

    tokens: Tensor
    targets: Tensor


NO_TARGET = -100
"""The target of a word that is not to be guessed."""


def mask_words(
    tokens: Tensor,
    keep: Tensor,
    ratio: float,
    mask_token: int,
    vocabulary_size: int,
    generator: torch.Generator,
) -> MaskedWords:
    """Hides each token (B, L) with probability `ratio`, but none where `keep` (B, L) is True.

    Of those chosen 80 % become `mask_token`, 10 % any of the vocabulary, 10 % stay (BERT, arXiv
    1810.04805, section 3.1). In the published pretraining half of them are chosen, and padding
    and the first token are kept, the end of the text is not. Numbers are drawn on the generator's
    device.
    """

    def happens(probability: float) -> Tensor:
        draws = torch.rand(tokens.shape, generator=generator, device=generator.device)
        return (draws < probability).to(tokens.device)

    chosen = happens(ratio) & ~keep
    blank = happens(0.8) & chosen
    # Half of the fifth that is left.
    other = happens(0.5) & chosen & ~blank
    words = torch.randint(
        vocabulary_size, tokens.shape, generator=generator, device=generator.device
    )
    shown = torch.where(other, words.to(tokens.device), tokens.masked_fill(blank, mask_token))
    return MaskedWords(shown, tokens.masked_fill(~chosen, NO_TARGET))


def word_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean cross-entropy of words (B, L, vocabulary) over hidden ones (MLM); 0 when none is."""
    loss = F.cross_entropy(
        logits.flatten(0, 1).float(), targets.flatten(), ignore_index=NO_TARGET, reduction="sum"
    )
    return loss / (targets != NO_TARGET).sum().clamp(min=1)


def _belonging(similarities: Tensor, identities: Tensor | None) -> Tensor:
    """1 where a video and a text (B, B) belong together, 0 elsewhere."""
    if identities is None:
        identities = torch.arange(len(similarities), device=similarities.device)
    return (identities[:, None] == identities).to(similarities.dtype)
