"""Score matrices: similarity of everything with everything, then match scores of the nearest."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from analysis.models.videomamba_retrieval import VideoMambaRetrieval

UNSCORED = -100.0
"""The match score of pairs that are too far apart to be looked at, as published."""
TOP = 128
"""The published number of nearest texts of a video, and of videos of a text, that are."""
_TEXTS_AT_ONCE = 32


@dataclass(frozen=True, eq=False)
class Candidates:
    """Pairs near enough for a closer look: bool (videos, texts).

    of_videos: among the nearest texts of the video; of_texts: the video is among the text's.
    """

    of_videos: Tensor
    of_texts: Tensor


@dataclass(frozen=True, eq=False)
class MatchScores:
    """Match logits of candidates, `UNSCORED` elsewhere.

    video_to_text (videos, texts) has those of each video's nearest texts; text_to_video (texts,
    videos) those of each text's nearest videos. Logits are not added to similarities.
    """

    video_to_text: Tensor
    text_to_video: Tensor


def nearest_pairs(similarities: Tensor, top: int = TOP) -> Candidates:
    """The `top` most similar texts of every video and videos of every text, or all there are.

    `similarities` (videos, texts). Raises ValueError for a `top` below 1.
    """
    check_top(top)
    return Candidates(_largest(similarities, top), _largest(similarities.T, top).T)


def check_top(top: int) -> None:
    """Raises ValueError for a number of nearest below 1."""
    if top < 1:
        raise ValueError(f"the {top} nearest were asked for; choose 1 or more")


@torch.inference_mode()
def match_logits(
    model: VideoMambaRetrieval,
    patches: Sequence[Tensor],
    texts: Sequence[Tensor],
    pairs: Tensor,
) -> Iterator[tuple[int, Tensor, Tensor]]:
    """Match logits of pairs, video after video: its number, numbers of texts (n,), logits (n,).

    `patches` (V, D) of each video, `texts` (L, W) of each text without its padding, `pairs` bool
    (videos, texts). Each pair is computed once, whichever direction asks for it.
    """
    device = model.itm_head.weight.device
    for video, row in enumerate(pairs):
        seen, numbers = patches[video][None].to(device), row.nonzero()[:, 0]
        logits = [
            _matched(model, [texts[n] for n in some.tolist()], seen)
            for some in numbers.split(_TEXTS_AT_ONCE)
            if len(some)
        ]
        yield video, numbers, torch.cat(logits) if logits else torch.zeros(0)


def placed(candidates: Candidates, logits: Tensor) -> MatchScores:
    """Logits (videos, texts) of pairs that either direction asks for, to each direction's table."""
    return MatchScores(
        video_to_text=logits.masked_fill(~candidates.of_videos, UNSCORED),
        text_to_video=logits.masked_fill(~candidates.of_texts, UNSCORED).T,
    )


def _largest(rows: Tensor, top: int) -> Tensor:
    best = rows.topk(min(top, rows.shape[1]), dim=1).indices
    return torch.zeros_like(rows, dtype=torch.bool).scatter_(1, best, True)


def _matched(model: VideoMambaRetrieval, texts: list[Tensor], seen: Tensor) -> Tensor:
    lengths = torch.tensor([len(text) for text in texts])
    batch = pad_sequence(texts, batch_first=True).to(seen.device)
    padding = torch.arange(batch.shape[1]) >= lengths[:, None]
    return model.match(batch, padding.to(seen.device), seen)[:, 1].float().cpu()
