"""A closer look at moments that were found: the model's own match scores decide their order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from analysis.retrieval.index.embeddings import encode_text, see_parts
from analysis.retrieval.index.library import part_of_video
from analysis.retrieval.index.search import Moment
from analysis.retrieval.scores import match_logits
from analysis.text.word_pieces import WordPieces
from analysis.weights import LoadedModel


@dataclass(frozen=True)
class MatchedMoment:
    """A moment with the logit that the text belongs to it."""

    moment: Moment
    match: float


def rerank(
    loaded: LoadedModel,
    pieces: WordPieces,
    text: str,
    moments: Sequence[Moment],
    path_of: Callable[[str], Path],
) -> tuple[MatchedMoment, ...]:
    """Moments by their match logits alone, as published; similarity no longer counts.

    An index keeps no patches, so the windows are read again: `path_of` gives the file of a video.
    Raises VideoError and RetrievalError for files that are gone or have changed, RetrievalError
    for a text without words.
    """
    if not moments:
        return ()
    text_features = encode_text(loaded, pieces, text).features
    parts = [part_of_video(path_of(one.video), one.t0, one.t1) for one in moments]
    patches = see_parts(loaded, parts)
    pairs = torch.ones(len(moments), 1, dtype=torch.bool)
    logits = match_logits(loaded.model, patches, text_features, pairs)
    matched = [MatchedMoment(moments[number], float(logit)) for number, _, logit in logits]
    return tuple(sorted(matched, key=lambda one: -one.match))
