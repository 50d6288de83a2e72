"""Match logits of moments, and every window's score, against the model asked one by one."""

import shutil

import numpy as np
import pytest
import torch

from analysis.retrieval.clips import read_clip
from analysis.retrieval.index.embeddings import embed_text
from analysis.retrieval.index.rerank import rerank
from analysis.retrieval.index.search import Filters, score_windows, search_text
from analysis.text.word_pieces import WordPieces, plain_text, read_vocabulary
from analysis.video.limits import VideoError

pytestmark = pytest.mark.usefixtures("one_thread")
TEXT = "A man walks."
NAMES = ("mocap_walk.mp4", "mocap_kick.mp4", "hand_cup.mp4")


@pytest.fixture(scope="module")
def pieces(vocabulary):
    return WordPieces(read_vocabulary(vocabulary))


@pytest.fixture
def library(tmp_path, clips_folder, build, store):
    """Whole videos as windows, so that other code of the project reads the same frames."""
    folder = tmp_path / "library"
    folder.mkdir()
    for name in NAMES:
        shutil.copy(clips_folder / name, folder)
    build(folder, store, window_s=60.0, stride_s=60.0)
    return folder


@torch.inference_mode()
def test_match_logits_are_the_models_and_alone_decide(loaded, pieces, library, store):
    direction, _ = embed_text(loaded, pieces, TEXT)
    moments = search_text(store, direction, top=3)
    assert {one.video for one in moments} == set(NAMES)
    model, batch = loaded.model, pieces.encode([plain_text(TEXT)], 16)
    read = model.read(batch.tokens, batch.padding)
    expected = {
        name: model.match(
            read,
            batch.padding,
            model.see(read_clip(library / name, 4, loaded.preprocessing)[None]).patches,
        )[0, 1].item()
        for name in NAMES
    }
    found = rerank(loaded, pieces, TEXT, moments, lambda video: library / video)
    assert {one.moment.video: pytest.approx(one.match, abs=1e-5) for one in found} == expected
    assert [one.moment.video for one in found] == sorted(NAMES, key=lambda name: -expected[name])
    assert rerank(loaded, pieces, TEXT, (), lambda video: library / video) == ()


def test_a_file_that_is_gone_is_said(loaded, pieces, library, store):
    direction, _ = embed_text(loaded, pieces, TEXT)
    moments = search_text(store, direction, top=3)
    (library / NAMES[0]).unlink()
    with pytest.raises(VideoError, match=NAMES[0]):
        rerank(loaded, pieces, TEXT, moments, lambda video: library / video)


def test_every_window_is_scored(store, records, settings):
    generator = np.random.default_rng(5)
    embeddings = generator.standard_normal((30, 8)).astype(np.float32)
    for number in range(3):
        store.add(records(f"{number}.mp4", embeddings[10 * number : 10 * number + 10]), settings)
    direction = generator.standard_normal(8).astype(np.float32)
    direction /= np.linalg.norm(direction)
    products = embeddings.astype(np.float64) @ direction
    cosines = products / np.linalg.norm(embeddings.astype(np.float64), axis=1)
    for measure, expected in (("dot", products), ("cosine", cosines)):
        windows = score_windows(store, direction, measure=measure)
        assert [one.score for one in windows] == pytest.approx(sorted(expected)[::-1], abs=1e-5)
        for one in windows:
            place = 10 * int(one.video[0]) + round(one.t0)
            assert one.score == pytest.approx(expected[place], abs=1e-5)
    chosen = score_windows(store, direction, filters=Filters(video="1.mp4", from_s=5.0))
    assert {one.video for one in chosen} == {"1.mp4"}
    assert {one.t0 for one in chosen} == {float(t0) for t0 in range(10) if t0 + 2.0 > 5.0}
