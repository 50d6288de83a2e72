"""Texts that people type beside one clip: both scores of each, and what its words are worth."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from analysis.models.videomamba_retrieval import VideoMambaRetrieval
from analysis.ops.video_text import similarity
from analysis.retrieval.annotations import DATA_SETS
from analysis.retrieval.errors import RetrievalError
from analysis.retrieval.evaluation import EncodedTexts, EncodedVideo, check_vocabulary, encode_texts
from analysis.retrieval.scores import match_logits
from analysis.text.word_pieces import WordPieces, plain_text
from analysis.weights import LoadedModel


@dataclass(frozen=True)
class TextScore:
    """How a text and a clip go together.

    text: as the model reads it. similarity: -1 to 1. match_logit: of the fused pair, any number.
    unknown: words that the vocabulary cannot spell. cut: word pieces that did not fit.
    """

    text: str
    similarity: float
    match_logit: float
    unknown: tuple[str, ...]
    cut: int


@dataclass(frozen=True)
class WordDrop:
    """A word and how far each score falls where it is left out; negative where it rises."""

    word: str
    similarity_drop: float
    match_drop: float


def text_scores(
    loaded: LoadedModel, pieces: WordPieces, video: EncodedVideo, texts: Sequence[str]
) -> tuple[TextScore, ...]:
    """Both scores of a clip with each text, in the order of the texts.

    Raises RetrievalError for no texts, one without words, and another model's vocabulary.
    """
    plain = [plain_text(text) for text in texts]
    if not plain:
        raise RetrievalError("There is no text to compare the clip with; write one.")
    if not all(plain):
        empty = texts[plain.index("")].strip()
        raise RetrievalError(
            f"The text {empty!r} has no words; say what is to be seen."
            if empty
            else "There are no words in the text; say what is to be seen."
        )
    read, similarities, logits = _scores(loaded.model, pieces, video, plain)
    rows = zip(plain, similarities.tolist(), logits.tolist(), read.cut, strict=True)
    return tuple(
        TextScore(text, similar, logit, pieces.unknown(text), cut)
        for text, similar, logit, cut in rows
    )


def word_drops(
    loaded: LoadedModel, pieces: WordPieces, video: EncodedVideo, text: str
) -> tuple[WordDrop, ...]:
    """Leaves out each word in turn, and reads what is left anew. Ours.

    Words stand as `plain_text` leaves them. Drops do not sum to the score. Raises RetrievalError
    for a text without words and another model's vocabulary.
    """
    words = plain_text(text).split(" ")
    if words == [""]:
        raise RetrievalError("There are no words in the text; say what is to be seen.")
    without = [" ".join(words[:at] + words[at + 1 :]) for at in range(len(words))]
    _, similarities, logits = _scores(loaded.model, pieces, video, [" ".join(words), *without])
    falls = zip(words, similarities[0] - similarities[1:], logits[0] - logits[1:], strict=True)
    return tuple(WordDrop(word, float(similar), float(match)) for word, similar, match in falls)


def typed_length(model: VideoMambaRetrieval) -> int:
    """Tokens that a text people type may have: they are captions of one sentence, as MSR-VTT's."""
    return min(DATA_SETS["msrvtt"].max_length, model.config.text.positions)


def _scores(
    model: VideoMambaRetrieval, pieces: WordPieces, video: EncodedVideo, texts: Sequence[str]
) -> tuple[EncodedTexts, Tensor, Tensor]:
    """The texts as read, their similarities (N,) and match logits (N,)."""
    check_vocabulary(model, pieces)
    read = encode_texts(model, pieces, texts, typed_length(model))
    similarities = similarity(video.directions[None], read.directions)[0]
    every = torch.ones(1, len(texts), dtype=torch.bool)
    ((_, _, logits),) = match_logits(model, [video.patches], read.features, every)
    return read, similarities, logits
