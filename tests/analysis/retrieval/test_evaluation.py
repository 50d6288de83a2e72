"""The evaluation against one written out for every pair."""

import json
import shutil

import pytest
import torch

from analysis.retrieval.annotations import DATA_SETS, read_annotations
from analysis.retrieval.clips import read_clip
from analysis.retrieval.errors import RetrievalError
from analysis.retrieval.evaluation import encode_texts, evaluate_retrieval, score_list
from analysis.retrieval.published_results import published_recall, published_rows
from analysis.retrieval.scores import UNSCORED
from analysis.text.word_pieces import WordPieces, read_vocabulary

pytestmark = pytest.mark.usefixtures("one_thread")
ENTRIES = [
    {"video": "mocap_walk.mp4", "caption": ["A man walks slowly.", "some person is walking"]},
    {"video": "mocap_kick.mp4", "caption": ["the man kicks fast"]},
    {"video": "mocap_crawl.mp4", "caption": ["one crawls"]},
    {"video": "hand_cup.mp4", "caption": ["a hand tilts the red cup"]},
    {"video": "bigbuckbunny.mp4", "caption": ["a rabbit in the park", "cartoon rabbit"]},
]


@pytest.fixture(scope="module")
def pieces(vocabulary):
    return WordPieces(read_vocabulary(vocabulary))


@pytest.fixture
def annotations(tmp_path, clips_folder):
    def read(entries=ENTRIES, data_set="msvd", videos=clips_folder):
        path = tmp_path / "list.json"
        path.write_text(json.dumps(entries))
        return read_annotations(path, videos, DATA_SETS[data_set])

    return read


def written_out(loaded, annotations, pieces, clips_folder, top):
    """Every pair by itself, lists sorted as one would by hand: best ranks both ways."""
    model, similar, logits = loaded.model, [], []
    for path in annotations.videos:
        clip = read_clip(clips_folder / path.name, 4, loaded.preprocessing)[None]
        similar.append([])
        logits.append([])
        for text in annotations.texts:
            tokens = pieces.encode([text], 64).tokens
            with torch.inference_mode():
                similar[-1].append(model(clip, tokens).item())
                read, patches = model.read(tokens, None), model.see(clip).patches
                logits[-1].append(model.match(read, None, patches)[0, 1].item())

    def best_ranks(scores, matched, truths):
        embedding, re_ranked = [], []
        for row, scored, right in zip(scores, matched, truths, strict=True):
            order = sorted(range(len(row)), key=lambda i: -row[i])
            embedding.append(1 + min(order.index(i) for i in right))
            near = order[:top]
            again = sorted(near, key=lambda i: -scored[i])
            found = [again.index(i) for i in right if i in again]
            re_ranked.append(1 + min(found) if found else None)
        return embedding, re_ranked

    columns = [list(map(list, zip(*table, strict=True))) for table in (similar, logits)]
    return {
        "text_to_video": best_ranks(*columns, annotations.text_videos),
        "video_to_text": best_ranks(similar, logits, annotations.video_texts),
    }


@pytest.mark.parametrize("top", [2, 128])
def test_recall_equals_that_of_pairs_one_by_one(loaded, annotations, pieces, clips_folder, top):
    listed = annotations()
    found = evaluate_retrieval(loaded, listed, pieces, top=top)
    assert (found.videos, found.texts, found.top, found.texts_cut) == (5, 7, top, 0)
    expected = written_out(loaded, listed, pieces, clips_folder, top)
    for direction, (embedding, re_ranked) in expected.items():
        for ranks, recall in (
            (embedding, getattr(found.embedding, direction)),
            (re_ranked, getattr(found.re_ranked, direction)),
        ):
            assert recall.queries == len(ranks)
            for k in (1, 5):
                # What no closer look was taken at stands last.
                places = [recall.gallery if rank is None else rank for rank in ranks]
                share = sum(place <= k for place in places) / len(places)
                assert recall.recall_percent[k] == pytest.approx(100 * share)
    # The weights have to make a difference for this to say anything.
    assert expected["text_to_video"][0] != expected["text_to_video"][1]


def test_several_right_texts_of_a_video(loaded, annotations, pieces):
    found = evaluate_retrieval(loaded, annotations(), pieces).embedding
    assert found.text_to_video.chance_percent[1] == pytest.approx(20.0)
    # Two of five videos have two right texts of seven.
    assert found.video_to_text.chance_percent[1] == pytest.approx(100 * (2 * 2 + 3) / 5 / 7)


def test_paragraphs_and_their_length(loaded, annotations, pieces):
    long = [{**entry, "caption": entry["caption"] * 8} for entry in ENTRIES]
    found = evaluate_retrieval(loaded, annotations(long, "didemo"), pieces)
    assert (found.data_set, found.texts) == ("DiDeMo", 5)
    # The debug model has 16 positions, fewer than the data set allows.
    assert found.max_length == 16
    assert found.texts_cut == 5


def test_texts_do_not_depend_on_what_they_come_with(loaded, pieces):
    texts = ["a man", "the red rabbit is walking slowly in the park", "dog"]
    together = encode_texts(loaded.model, pieces, texts, 32)
    assert [len(row) for row in together.features] == [4, 12, 3]
    for number, text in enumerate(texts):
        alone = encode_texts(loaded.model, pieces, [text], 32)
        torch.testing.assert_close(
            together.directions[number], alone.directions[0], rtol=0, atol=1e-5
        )
        torch.testing.assert_close(together.features[number], alone.features[0], rtol=0, atol=1e-4)


def test_unreadable_videos_are_left_out_with_their_texts(
    loaded, annotations, pieces, clips_folder, tmp_path
):
    for entry in ENTRIES[:3]:
        shutil.copy(clips_folder / entry["video"], tmp_path)
    (tmp_path / "hand_cup.mp4").write_text("no video")
    found = evaluate_retrieval(loaded, annotations(videos=tmp_path), pieces)
    assert (found.videos, found.texts) == (3, 4)
    first, second = found.problems
    assert first == "Entry 5 names bigbuckbunny.mp4, which does not exist."
    assert "hand_cup.mp4" in second
    (tmp_path / "list.json").unlink()
    for entry in ENTRIES:
        (tmp_path / entry["video"]).write_text("no video")
    with pytest.raises(RetrievalError, match="Nothing is left of the list"):
        evaluate_retrieval(loaded, annotations(videos=tmp_path), pieces)


def test_progress_is_heard(loaded, annotations, pieces):
    said = []
    evaluate_retrieval(loaded, annotations(), pieces, heard=lambda *words: said.append(words))
    assert [words for words in said if words[0] == "videos"][-1] == ("videos", 5, 5)
    assert [words for words in said if words[0] == "texts"][-1] == ("texts", 7, 7)
    assert [words for words in said if words[0] == "pairs"][-1] == ("pairs", 5, 5)


def test_a_vocabulary_of_another_model_is_one_sentence(loaded, annotations, vocabulary, tmp_path):
    other = tmp_path / "vocab.txt"
    other.write_text(vocabulary.read_text() + "zebra\n")
    with pytest.raises(RetrievalError, match="has 41 word pieces, the model was trained with 40"):
        evaluate_retrieval(loaded, annotations(), WordPieces(read_vocabulary(other)))


@pytest.mark.parametrize(
    ("tag", "data_set", "expected"),
    [
        ("5M_f8_res224", "msrvtt", {1: 32.0, 5: 53.1, 10: 63.6}),
        ("17M_f8_res224", "didemo", {1: 42.0, 5: 67.3, 10: 76.8}),
        ("25M_f8_res224", "msvd", {1: 42.0, 5: 71.6, 10: 81.2}),
        ("25M_f8_res224", "mine", None),
        ("compositions", "msrvtt", None),
    ],
)
def test_what_the_authors_report(tag, data_set, expected):
    assert published_recall(tag, data_set) == expected


def test_the_tables_of_scores_are_those_the_figures_are_of(loaded, annotations, pieces):
    listed = annotations()
    scores = score_list(loaded, listed, pieces, top=2)
    assert scores.evaluation() == evaluate_retrieval(loaded, listed, pieces, top=2)
    assert tuple(scores.similarities.shape) == (5, 7)
    for video, text in ((0, 0), (3, 5), (4, 6)):
        tokens = pieces.encode([listed.texts[text]], 64).tokens
        clip = read_clip(listed.videos[video], 4, loaded.preprocessing)[None]
        with torch.inference_mode():
            one = loaded.model(clip, tokens).item()
        assert scores.similarities[video, text].item() == pytest.approx(one, abs=1e-5)
    assert int((scores.matched.text_to_video > UNSCORED).sum()) == 2 * 7
    assert int((scores.matched.video_to_text > UNSCORED).sum()) == 2 * 5


def test_all_that_the_authors_report():
    rows = list(published_rows())
    assert len(rows) == 15
    assert {row["data_set"] for row in rows} == {one.title for one in DATA_SETS.values()}
    assert rows[-1] == {
        "data_set": "MSVD",
        "pairs": "25M",
        "recall_percent": {1: 42.0, 5: 71.6, 10: 81.2},
    }
