"""Which pairs are looked at closely, and where their logits go."""

import pytest
import torch

from analysis.models import create_model
from analysis.retrieval.scores import (
    UNSCORED,
    match_logits,
    nearest_pairs,
    placed,
)

pytestmark = pytest.mark.usefixtures("one_thread")
SIMILARITIES = torch.tensor([[0.9, 0.1, 0.5], [0.8, 0.2, 0.3]])


def test_nearest_pairs_by_hand():
    found = nearest_pairs(SIMILARITIES, 1)
    assert found.of_videos.tolist() == [[True, False, False], [True, False, False]]
    assert found.of_texts.tolist() == [[True, False, True], [False, True, False]]


@pytest.mark.parametrize("top", [3, 128])
def test_all_pairs_where_there_are_no_more(top):
    found = nearest_pairs(SIMILARITIES, top)
    assert found.of_videos.all()
    assert found.of_texts.all()


def test_none_is_one_sentence():
    with pytest.raises(ValueError, match="the 0 nearest were asked for; choose 1 or more"):
        nearest_pairs(SIMILARITIES, 0)


def test_logits_stand_where_a_direction_asked_for_them():
    """Match scores alone decide: they take the place of similarities, the rest gets -100."""
    logits = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    found = placed(nearest_pairs(SIMILARITIES, 1), logits)
    assert found.video_to_text.tolist() == [[1, UNSCORED, UNSCORED], [4, UNSCORED, UNSCORED]]
    assert found.text_to_video.tolist() == [[1, UNSCORED], [UNSCORED, 5], [3, UNSCORED]]
    assert UNSCORED == -100


@pytest.fixture(scope="module")
def model():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return create_model("videomamba_retrieval_debug").eval()


def test_logits_of_many_texts_are_those_of_each(model):
    """In batches of texts of unequal length, each as if it came alone."""
    generator = torch.Generator().manual_seed(1)
    patches = [torch.randn(64, 24, generator=generator) for _ in range(3)]
    texts = [torch.randn(2 + i % 7, 16, generator=generator) for i in range(40)]
    pairs = torch.rand(3, 40, generator=generator) > 0.3
    pairs[1] = False
    pairs[2] = True
    rows = list(match_logits(model, patches, texts, pairs))
    assert [video for video, _, _ in rows] == [0, 1, 2]
    with torch.inference_mode():
        for video, numbers, logits in rows:
            assert numbers.tolist() == pairs[video].nonzero()[:, 0].tolist()
            expected = [
                model.match(texts[n][None], None, patches[video][None])[0, 1] for n in numbers
            ]
            if expected:
                torch.testing.assert_close(logits, torch.stack(expected), rtol=0, atol=1e-5)
            else:
                assert logits.shape == (0,)
