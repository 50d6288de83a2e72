"""Token numbers of CLIP's own words, against those of open_clip."""

import sys

import pytest
import torch

from analysis.text import clip_words
from analysis.text.clip_words import CONTEXT_LENGTH, FIRST, LAST, encode_clip_texts
from analysis.text.word_pieces import VocabularyError

# What `SimpleTokenizer.encode` of open_clip 3.3.0 gave with ftfy 6.3.1, without first and last.
OF_OPEN_CLIP = {
    "a photo of a cat": (320, 1125, 539, 320, 2368),
    "It\u2019s a dog&#39;s caf\u00e9, isn\u2019t it?": (
        *(585, 568, 320, 1929, 568, 15304, 267, 2923, 713, 585, 286),
    ),
    "cafe\u0301 \u201cna\u00efve\u201d": (15304, 257, 1097, 35689, 563, 257),
    "&amp;lt;b&amp;gt; 100% 3.14": (283, 321, 285, 272, 271, 271, 260, 274, 269, 272, 275),
    "  Tabs\tand\nlines\u3000 ": (29163, 537, 3418),
    "\U0001f600 \U0001f468\u200d\U0001f469": (7334, 25023, 964, 358),
    "\u65e5\u672c\u8a9e \u041f\u0440\u0438\u0432\u0435\u0442": (
        *(39121, 44353, 34002, 508, 26302, 16370, 29503, 110, 22176, 141, 480),
    ),
    "rock'n'roll they'll WE'VE": (2172, 262, 333, 262, 3341, 889, 1342, 649, 1200),
    "2nd place!!!": (273, 1764, 1445, 995),
    "": (),
}


def has_words() -> None:
    pytest.importorskip("instant_clip_tokenizer", reason="there for Python 3.11 and 3.12")


def test_numbers_are_those_of_open_clip():
    has_words()
    tokens = encode_clip_texts(list(OF_OPEN_CLIP))
    assert tokens.dtype == torch.long and tokens.shape == (len(OF_OPEN_CLIP), 77)
    for row, (text, numbers) in zip(tokens.tolist(), OF_OPEN_CLIP.items(), strict=True):
        end = 1 + len(numbers)
        assert row[: end + 1] == [49406, *numbers, 49407], text
        assert not any(row[end + 1 :]), text


def test_a_text_that_is_too_long_still_ends():
    has_words()
    (row,) = encode_clip_texts(["word " * 100]).tolist()
    assert row == [FIRST, *[2653] * (CONTEXT_LENGTH - 2), LAST]
    assert encode_clip_texts(["a photo of a cat"], 5).tolist() == [[FIRST, 320, 1125, 539, LAST]]
    # Exactly as long as there is room for.
    assert encode_clip_texts(["a cat"], 4).tolist() == [[FIRST, 320, 2368, LAST]]
    with pytest.raises(ValueError, match="no room for a text"):
        encode_clip_texts(["a cat"], 1)


def test_without_the_vocabulary_one_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "instant_clip_tokenizer", None)
    clip_words._vocabulary.cache_clear()
    with pytest.raises(VocabularyError, match="install the package instant-clip-tokenizer"):
        encode_clip_texts(["a cat"])
