"""Texts to the token numbers of the published CLIP (arXiv 2103.00020)."""

import html
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from analysis.text.word_pieces import VocabularyError

if TYPE_CHECKING:
    from instant_clip_tokenizer import Tokenizer

VOCABULARY_SIZE = 49_408
"""Token numbers run below it: a file with another number of words reads other numbers."""
CONTEXT_LENGTH = 77
FIRST, LAST = 49_406, 49_407
"""What begins a text, and what ends it: the largest number there is. 0 fills up behind it."""

# Quotes of all kinds to those of a keyboard.
_STRAIGHT_QUOTES = str.maketrans(
    dict.fromkeys("\u02bc\u2018\u2019\u201a\u201b", "'")
    | dict.fromkeys("\u201c\u201d\u201e\u201f", '"')
)


def encode_clip_texts(texts: Sequence[str], length: int = CONTEXT_LENGTH) -> Tensor:
    """Token numbers int64 (texts, length), as the tokenizers of OpenAI and open_clip give them.

    A text that is too long is cut; its last number still is the one that ends a text. Raises
    VocabularyError, one sentence, where there is no vocabulary, and ValueError for a length without
    room for a beginning and an end.
    """
    if length < 2:
        raise ValueError(f"a length of {length} has no room for a text; choose 2 or more")
    words = _vocabulary()
    tokens = torch.zeros(len(texts), length, dtype=torch.long)
    for row, text in zip(tokens, texts, strict=True):
        numbers = [FIRST, *words.encode(clean_text(text))[: length - 2], LAST]
        row[: len(numbers)] = torch.tensor(numbers)
    return tokens


def clean_text(text: str) -> str:
    """A text as it is before its words are looked up.

    Character references of HTML are replaced twice, as published; quotes become straight, accents
    are joined with their letters, blanks of all kinds and lengths become one space, letters lower
    case. The published code leaves quotes and accents to ftfy, which also mends text that was
    decoded wrongly, ligatures and control characters: those stay as they are here.
    """
    text = html.unescape(html.unescape(text)).translate(_STRAIGHT_QUOTES)
    return " ".join(unicodedata.normalize("NFC", text).split()).lower()


@lru_cache(maxsize=1)
def _vocabulary() -> "Tokenizer":
    """Half a second of work, which only those wait for who read texts."""
    try:
        from instant_clip_tokenizer import Tokenizer
    except ImportError as error:
        raise VocabularyError(
            "There is no vocabulary of CLIP to read texts with; install the package "
            "instant-clip-tokenizer (it is there for Python 3.11 and 3.12)."
        ) from error
    return Tokenizer()
