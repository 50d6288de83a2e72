"""Learning without forgetting: the loss worked out by hand, and models it does not fit."""

import pytest
import torch
import torch.nn.functional as F

from analysis.models import create_model
from analysis.training.errors import RecipeError, TrainingError
from analysis.training.objectives.adaptation import Adaptation


@pytest.fixture(autouse=True, scope="module")
def small_tensors(one_thread):
    """Nothing here is large enough for a second thread."""


def moma(**fields):
    """In float64, its modulators saying something."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return create_model("moma_debug", zero_init=False, **fields).double()


def batch():
    generator = torch.Generator().manual_seed(1)
    clips = torch.randn(3, 3, 4, 32, 32, generator=generator, dtype=torch.float64)
    return clips, torch.tensor([0, 4, 2])


@pytest.mark.parametrize(("distill", "weight"), [("cosine", 0.5), ("kl", 2.0), ("none", 1.0)])
def test_the_loss_is_the_sum_over_clips(distill, weight):
    model, (clips, targets) = moma(), batch()
    loss, sums = Adaptation(distill, weight).module(model)(clips, targets)
    with torch.no_grad():
        said = model.encode_clips(clips)
        kept = F.normalize(model.tower(clips).mean(1), dim=-1)
        logits, calm = model.head(said), model.head(kept)
    expected = 0.0
    for i, target in enumerate(targets):
        expected -= logits[i].log_softmax(0)[target]
        if distill == "cosine":
            expected += weight * (1 - said[i] @ kept[i])
        elif distill == "kl":
            p, q = calm[i].softmax(0), logits[i].softmax(0)
            expected += weight * (p * (p / q).log()).sum()
    # The loss itself is taken in float32.
    assert float(loss.detach()) == pytest.approx(float(expected), rel=1e-5)
    assert sums == {"right": float((logits.argmax(1) == targets).sum())}


def test_clips_of_a_batch_do_not_meet():
    module, (clips, targets) = Adaptation().module(moma()), batch()
    whole, _ = module(clips, targets)
    parts = [module(clips[i : i + 1], targets[i : i + 1])[0] for i in range(3)]
    assert float(whole.detach()) == pytest.approx(float(sum(parts).detach()), rel=1e-5)
    whole.backward()
    assert all(parameter.grad is None for parameter in module.model.tower.parameters())


def test_what_does_not_fit_is_one_sentence():
    with pytest.raises(TrainingError, match="ClipAdapters has no frozen tower to stay close to"):
        Adaptation().module(create_model("aim_debug"))
    with pytest.raises(TrainingError, match="can't be its own teacher"):
        Adaptation().module(moma().requires_grad_(True))
    with pytest.raises(TrainingError, match="answers of a text head"):
        Adaptation("kl").module(moma(head="linear"))
    with pytest.raises(RecipeError, match=r"objective\.distill"):
        Adaptation("l2")
