"""The published evaluation: every text of a list against every video, both ways."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from analysis.models.videomamba_retrieval import VideoMambaRetrieval
from analysis.ops.video_text import similarity
from analysis.retrieval.annotations import Annotations
from analysis.retrieval.clips import read_clip
from analysis.retrieval.errors import RetrievalError
from analysis.retrieval.metrics import Recall, recall
from analysis.retrieval.scores import (
    TOP,
    Candidates,
    MatchScores,
    check_top,
    match_logits,
    nearest_pairs,
    placed,
)
from analysis.text.word_pieces import WordPieces
from analysis.video.limits import VideoError
from analysis.weights import LoadedModel

_TEXTS_AT_ONCE = 64

Heard = Callable[[str, int, int], object]
"""Is told what is being done ("texts", "videos", "pairs"), how many are done, and of how many."""


@dataclass(frozen=True, eq=False)
class EncodedTexts:
    """Texts as they are compared.

    directions: (N, C), of unit length. features: (L, W) of each, without padding, for matching.
    cut: word pieces of each that did not fit.
    """

    directions: Tensor
    features: tuple[Tensor, ...]
    cut: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class EncodedVideo:
    """A video as it is compared: directions (P, C) of unit length, patches (V, D) for matching."""

    directions: Tensor
    patches: Tensor


@dataclass(frozen=True)
class Directions:
    """Text to video and video to text."""

    text_to_video: Recall
    video_to_text: Recall


@dataclass(frozen=True)
class RetrievalEvaluation:
    """What an evaluation found.

    re_ranked: by the match logits of the `top` nearest alone, the published headline.
    embedding: by similarity alone, at temperature 1.
    texts_cut: texts whose end did not fit into `max_length` tokens.
    problems: one sentence for every entry and video left out.
    """

    data_set: str
    videos: int
    texts: int
    max_length: int
    texts_cut: int
    top: int
    re_ranked: Directions
    embedding: Directions
    problems: tuple[str, ...]

    def as_dict(self) -> dict:
        """For JSON."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class ListScores:
    """Every video of a list against every text.

    annotations: of what could be read. similarities: (videos, texts), cosines. matched: match
    logits of the `top` nearest. max_length: tokens that a text may have; cut: word pieces of each
    text that did not fit.
    """

    annotations: Annotations
    similarities: Tensor
    matched: MatchScores
    top: int
    max_length: int
    cut: tuple[int, ...]

    def evaluation(self) -> RetrievalEvaluation:
        """How far up the right answers stand."""
        listed, matched = self.annotations, self.matched
        return RetrievalEvaluation(
            data_set=listed.data_set.title,
            videos=len(listed.videos),
            texts=len(listed.texts),
            max_length=self.max_length,
            texts_cut=sum(cut > 0 for cut in self.cut),
            top=self.top,
            re_ranked=_directions(listed, matched.text_to_video, matched.video_to_text),
            embedding=_directions(listed, self.similarities.T, self.similarities),
            problems=listed.problems,
        )


def evaluate_retrieval(
    loaded: LoadedModel,
    annotations: Annotations,
    pieces: WordPieces,
    *,
    top: int = TOP,
    heard: Heard | None = None,
) -> RetrievalEvaluation:
    """Runs a video-text model over a list and counts, with and without re-ranking.

    As `score_list`, with its errors.
    """
    return score_list(loaded, annotations, pieces, top=top, heard=heard).evaluation()


def score_list(
    loaded: LoadedModel,
    annotations: Annotations,
    pieces: WordPieces,
    *,
    top: int = TOP,
    heard: Heard | None = None,
) -> ListScores:
    """Runs a video-text model over a list.

    Videos that cannot be read are left out, with the texts that belong to no other, and listed.

    Raises RetrievalError, one sentence, when nothing is left, and for a vocabulary that is not
    the model's; ValueError for a `top` below 1.
    """
    model, heard = loaded.model, heard or (lambda doing, done, total: None)
    # Before an hour is spent on videos.
    check_top(top)
    check_vocabulary(model, pieces)
    videos, annotations = _encoded(loaded, annotations, heard)
    # Small models may have fewer positions than the data set allows.
    max_length = min(annotations.data_set.max_length, model.config.text.positions)
    texts = encode_texts(model, pieces, annotations.texts, max_length, heard)
    similarities = similarity(torch.stack([v.directions for v in videos]), texts.directions)
    return ListScores(
        annotations=annotations,
        similarities=similarities,
        matched=_matched(model, videos, texts, nearest_pairs(similarities, top), heard),
        top=top,
        max_length=max_length,
        cut=texts.cut,
    )


@torch.inference_mode()
def encode_texts(
    model: VideoMambaRetrieval,
    pieces: WordPieces,
    texts: Sequence[str],
    max_length: int,
    heard: Heard | None = None,
) -> EncodedTexts:
    """Texts, as `plain_text` leaves them, to what is compared with videos, on the CPU."""
    device = model.text_proj.weight.device
    directions, features, cut = [], [], []
    for start in range(0, len(texts), _TEXTS_AT_ONCE):
        batch = pieces.encode(texts[start : start + _TEXTS_AT_ONCE], max_length)
        read = model.read(batch.tokens.to(device), batch.padding.to(device))
        directions.append(model.text_directions(read).float().cpu())
        features += [row[~out] for row, out in zip(read.cpu(), batch.padding, strict=True)]
        cut += batch.cut
        if heard:
            heard("texts", len(features), len(texts))
    return EncodedTexts(torch.cat(directions), tuple(features), tuple(cut))


def encode_video(
    loaded: LoadedModel, path: str | Path, first_s: float | None = None
) -> EncodedVideo:
    """One file to what is compared with texts, on the CPU. Raises VideoError."""
    return encode_clip(
        loaded.model, read_clip(path, loaded.config.num_frames, loaded.preprocessing, first_s)
    )


@torch.inference_mode()
def encode_clip(model: VideoMambaRetrieval, clip: Tensor) -> EncodedVideo:
    """A clip (3, T, H, W), normalised, to what is compared with texts, on the CPU."""
    weight = model.vision_proj.weight
    seen = model.see(clip[None].to(weight.device, weight.dtype))
    directions = model.video_directions(seen.pooled)[0]
    return EncodedVideo(directions.float().cpu(), seen.patches[0].cpu())


def check_vocabulary(model: VideoMambaRetrieval, pieces: WordPieces) -> None:
    """Raises RetrievalError when a vocabulary has not as many word pieces as a model knows."""
    known = model.config.text.vocabulary_size
    if pieces.size != known:
        raise RetrievalError(
            f"The vocabulary has {pieces.size} word pieces, the model was trained with {known}; "
            "name the one that belongs to the model."
        )


def _encoded(
    loaded: LoadedModel, annotations: Annotations, heard: Heard
) -> tuple[list[EncodedVideo], Annotations]:
    """The videos that can be read, and the list without the others."""
    encoded, problems = [], {}
    for number, path in enumerate(annotations.videos):
        try:
            encoded.append(encode_video(loaded, path, annotations.data_set.first_s))
        except VideoError as error:
            problems[number] = f"{str(error).rstrip('.')}."
        heard("videos", number + 1, len(annotations.videos))
    if problems:
        annotations = annotations.without(problems, problems.values())
    return encoded, annotations


def _matched(
    model: VideoMambaRetrieval,
    videos: Sequence[EncodedVideo],
    texts: EncodedTexts,
    candidates: Candidates,
    heard: Heard,
) -> MatchScores:
    logits = torch.zeros(candidates.of_videos.shape)
    patches = [video.patches for video in videos]
    pairs = candidates.of_videos | candidates.of_texts
    for video, numbers, row in match_logits(model, patches, texts.features, pairs):
        logits[video, numbers] = row
        heard("pairs", video + 1, len(videos))
    return placed(candidates, logits)


def _directions(
    annotations: Annotations, text_to_video: Tensor, video_to_text: Tensor
) -> Directions:
    return Directions(
        text_to_video=recall(text_to_video, annotations.text_videos),
        video_to_text=recall(video_to_text, annotations.video_texts),
    )
