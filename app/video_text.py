"""Video-text models for the page: held between requests, each with what reads its texts."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import RLock

from analysis.text.word_pieces import SPECIAL_PIECES, WordPieces
from analysis.weights import LoadedModel, WeightsCard, weights_card
from analysis.weights.hub import local_checkpoint
from analysis.weights.retrieval import (
    list_retrieval_models,
    load_retrieval_model,
    word_pieces_of,
)
from app.recently_used import RecentlyUsed
from app.session import parameter_bytes

DEFAULT_VIDEO_TEXT = "videomamba_retrieval_mini.moving_objects"
"""The small model that was trained here; it needs no download."""
_NO_WORD = "[unused"


class VideoText:
    """The video-text models of one running app, for one caller at a time."""

    def __init__(self, kept_bytes: int):
        """`kept_bytes` of parameters are held; the model used longest ago leaves first."""
        self._models: RecentlyUsed[LoadedModel] = RecentlyUsed(kept_bytes, weight=parameter_bytes)
        self._lock = RLock()

    @contextmanager
    def loaded(
        self, name: str = DEFAULT_VIDEO_TEXT, progress: Callable[[float, str], None] | None = None
    ) -> Iterator[LoadedModel]:
        """The model in the setting it was trained in, loaded when it is not held.

        As with `Session.loaded`, nothing may be yielded to the page inside the block. Raises
        WeightsError where the weights cannot be had.
        """
        with self._lock:
            yield self._models.get_or_make(
                name, lambda: load_retrieval_model(name, progress=progress)
            )

    def pieces(self, name: str = DEFAULT_VIDEO_TEXT) -> WordPieces:
        """What reads the texts of a model. Raises WeightsError and VocabularyError."""
        return word_pieces_of(weights_card(name))


def own_words(card: WeightsCard) -> tuple[str, ...]:
    """All words that a model with a vocabulary of its own knows; none where it is BERT's."""
    return tuple(
        piece
        for piece in card.word_pieces
        if piece not in SPECIAL_PIECES and not piece.startswith(_NO_WORD)
    )


def video_text_choices() -> list[tuple[str, str]]:
    """Labels and names of the models for a menu; those here come first."""
    cards = sorted(list_retrieval_models(), key=lambda card: local_checkpoint(card) is None)
    return [(_label(card), card.name) for card in cards]


def _label(card: WeightsCard) -> str:
    where = "" if local_checkpoint(card) else " (download)"
    return f"{card.architecture} \N{MIDDLE DOT} {card.tag}{where}"
