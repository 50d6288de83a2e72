"""Both scores of typed texts against pairs computed one by one, and words left out by hand."""

import pytest
import torch

from analysis.retrieval.clips import read_clip
from analysis.retrieval.errors import RetrievalError
from analysis.retrieval.evaluation import encode_clip, encode_video
from analysis.retrieval.text_scores import text_scores, word_drops
from analysis.text.word_pieces import WordPieces, read_vocabulary

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def pieces(vocabulary):
    return WordPieces(read_vocabulary(vocabulary))


@pytest.fixture
def clip(loaded, clips_folder):
    return read_clip(clips_folder / "mocap_kick.mp4", 4, loaded.preprocessing)


def one_by_one(model, pieces, clip, text):
    tokens = pieces.encode([text], 16).tokens
    with torch.inference_mode():
        similar = model(clip[None], tokens).item()
        read, patches = model.read(tokens, None), model.see(clip[None]).patches
        return similar, model.match(read, None, patches)[0, 1].item()


def test_scores_equal_those_of_pairs_one_by_one(loaded, pieces, clip):
    texts = ["A man kicks!", "the dog walks slowly in the park", "a zebra"]
    found = text_scores(loaded, pieces, encode_clip(loaded.model, clip), texts)
    assert [one.text for one in found] == ["a man kicks", texts[1], "a zebra"]
    assert [one.unknown for one in found] == [(), (), ("zebra",)]
    for one in found:
        similar, match = one_by_one(loaded.model, pieces, clip, one.text)
        assert one.similarity == pytest.approx(similar, abs=1e-5)
        assert one.match_logit == pytest.approx(match, abs=1e-4)
    assert len({round(one.similarity, 4) for one in found}) == 3


def test_a_file_is_encoded_as_its_clip(loaded, clips_folder, clip):
    whole = encode_video(loaded, clips_folder / "mocap_kick.mp4")
    torch.testing.assert_close(whole.directions, encode_clip(loaded.model, clip).directions)


def test_what_does_not_fit_is_counted(loaded, pieces, clip):
    (found,) = text_scores(loaded, pieces, encode_clip(loaded.model, clip), ["man " * 20])
    assert found.cut == 6


def test_a_word_is_worth_what_the_rest_lacks(loaded, pieces, clip):
    drops = word_drops(loaded, pieces, encode_clip(loaded.model, clip), "The man KICKS.")
    assert [drop.word for drop in drops] == ["the", "man", "kicks"]
    whole = one_by_one(loaded.model, pieces, clip, "the man kicks")
    for drop, rest in zip(drops, ["man kicks", "the kicks", "the man"], strict=True):
        similar, match = one_by_one(loaded.model, pieces, clip, rest)
        assert drop.similarity_drop == pytest.approx(whole[0] - similar, abs=1e-5)
        assert drop.match_drop == pytest.approx(whole[1] - match, abs=1e-4)
    assert max(abs(drop.similarity_drop) for drop in drops) > 0.001


def test_of_a_single_word_nothing_is_left_to_read(loaded, pieces, clip):
    (drop,) = word_drops(loaded, pieces, encode_clip(loaded.model, clip), "dog")
    whole, rest = (one_by_one(loaded.model, pieces, clip, text) for text in ("dog", ""))
    assert drop.similarity_drop == pytest.approx(whole[0] - rest[0], abs=1e-5)


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        ([], "There is no text"),
        (["a man", "?!"], r"The text '\?!' has no words"),
        (["  "], "There are no words in the text"),
    ],
)
def test_texts_without_words_are_one_sentence(loaded, pieces, clip, texts, words):
    video = encode_clip(loaded.model, clip)
    with pytest.raises(RetrievalError, match=words):
        text_scores(loaded, pieces, video, texts)
    with pytest.raises(RetrievalError, match="There are no words in the text"):
        word_drops(loaded, pieces, video, " ".join(texts[1:]))
