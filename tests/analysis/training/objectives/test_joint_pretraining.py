"""The losses of joint pretraining, each against what it is made of."""

import pytest
import torch
import torch.nn.functional as F

from analysis.models import create_model
from analysis.ops.token_mask import token_mask
from analysis.training.errors import RecipeError
from analysis.training.objectives.joint_pretraining import JointPretraining, WordNumbers

NUMBERS = WordNumbers(padding=0, first=2, hidden=4)
TOKENS = torch.tensor(
    [[2, 7, 8, 3, 0], [2, 9, 10, 11, 3], [2, 12, 3, 0, 0], [2, 7, 8, 3, 0]], dtype=torch.int64
)
LOSSES = ("contrast", "matching", "words", "alignment")


@pytest.fixture
def clips():
    return torch.randn(4, 3, 4, 16, 16, generator=torch.Generator().manual_seed(1))


def objective(**fields):
    none = dict.fromkeys(LOSSES, 0.0)
    plain = {"mask": None, "teacher": "clip_tower_debug", "numbers": NUMBERS}
    return JointPretraining(**{**none, **plain, **fields})


def loss_of(asked: JointPretraining, image_size: int = 16):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        options = asked.model_options(())
        model = create_model("videomamba_retrieval_debug", image_size=image_size, **options).eval()
        for name, parameter in model.named_parameters():
            if not name.endswith(("_log", "temp")):
                torch.nn.init.normal_(parameter, std=0.2)
    return asked.module(model)


def run(module, clips, tokens=TOKENS):
    loss, sums = module(clips, tokens, torch.Generator().manual_seed(5))
    return loss.detach(), sums


def test_contrast_by_hand(clips):
    module = loss_of(objective(contrast=1.0))
    loss, sums = run(module, clips)
    model = module.model
    videos = model.video_directions(model.see(clips).pooled).mean(1)
    texts = model.text_directions(model.read(TOKENS, TOKENS == 0))
    logits = (videos @ texts.T / 0.07).double()
    # The first and the last clip share a text, so each counts half for the other.
    aims = torch.tensor([[0.5, 0, 0, 0.5], [0, 1, 0, 0], [0, 0, 1, 0], [0.5, 0, 0, 0.5]]).double()
    rows = -(aims * logits.log_softmax(1)).sum()
    columns = -(aims * logits.log_softmax(0)).sum()
    assert abs(float(loss) - float((rows + columns).detach()) / 2) < 1e-4
    assert sums["contrast"] == pytest.approx(float(loss))
    best = logits.argmax(1)
    assert sums["right"] == sum(bool(TOKENS[b].equal(t)) for b, t in zip(best, TOKENS, strict=True))


def test_hidden_words_are_what_is_guessed(clips):
    module = loss_of(objective(words=1.0, word_ratio=0.9))
    seen = {}
    guess = module.model.guess_words

    def guess_words(tokens, padding, patches):
        seen["tokens"], seen["logits"] = tokens, guess(tokens, padding, patches)
        return seen["logits"]

    module.model.guess_words = guess_words
    loss, _ = run(module, clips)
    changed = seen["tokens"] != TOKENS
    assert changed.any()
    # Neither padding nor the first token is hidden, the last may be.
    assert not changed[(TOKENS == 0) | (TOKENS == 2)].any()
    # Those that were chosen but stayed are guessed too, so that the loss is only bounded by all.
    every = F.cross_entropy(seen["logits"].flatten(0, 1), TOKENS.flatten(), reduction="none")
    words = (TOKENS != 0) & (TOKENS != 2)
    lowest, highest = every.view(4, 5)[words].min(), every.view(4, 5)[words].max()
    assert lowest <= loss / 4 <= highest


def test_losses_add_up_with_their_weights(clips):
    weights = {"contrast": 1.0, "matching": 0.5, "words": 2.0, "alignment": 3.0}
    module = loss_of(objective(mask="tube", **weights))
    loss, sums = run(module, clips)
    expected = sum(weights[name] * sums[name] for name in LOSSES)
    assert float(loss) == pytest.approx(expected, rel=1e-5)
    assert all(sums[name] > 0 for name in LOSSES)


@pytest.mark.parametrize(("frames", "ratio"), [(4, 0.5), (1, 0.25)], ids=["video", "picture"])
def test_what_is_aligned_are_the_tokens_a_mask_leaves(clips, frames, ratio):
    asked = objective(alignment=1.0, mask="random", video_ratio=0.5, image_ratio=0.25)
    module = loss_of(asked)
    clips = clips[:, :, :frames]
    loss, _ = run(module, clips)
    # The same draw again, then token by token.
    mask = token_mask("random", (frames, 4, 4), ratio, 4, torch.Generator().manual_seed(5), None)
    aims, _ = module.teacher.aims(clips, attention=False)
    said = module.model.see(clips, mask).aligned.detach()
    (said,), (aims,) = F.normalize(said, dim=-1), F.normalize(aims, dim=-1)
    losses = []
    for clip in range(4):
        visible = (~mask[clip]).nonzero()[:, 0].tolist()
        for place, token in enumerate(visible):
            losses.append(2 - 2 * float(said[clip, place] @ aims[clip, token]))
    assert len(losses) == 4 * (1 + round((1 - ratio) * frames * 16))
    assert float(loss) / 4 == pytest.approx(sum(losses) / len(losses), rel=1e-5)


def test_a_seen_pair_is_told_from_others(clips):
    """With logits that know the pairs there is nothing left to learn."""
    module = loss_of(objective(matching=1.0))
    # Without equal texts, so that every negative is one.
    tokens = TOKENS[:3]

    def match_with_negatives(text, padding, patches, negatives):
        assert (negatives.videos != torch.arange(3)).all()
        assert (negatives.texts != torch.arange(3)).all()
        right = torch.tensor([[-20.0, 20.0]] * 3 + [[20.0, -20.0]] * 6)
        return right.requires_grad_()

    module.model.match_with_negatives = match_with_negatives
    loss, _ = run(module, clips[:3], tokens)
    assert float(loss) < 1e-6


def test_training_keeps_the_temperature_in_its_range(clips):
    module = loss_of(objective(contrast=1.0))
    module.model.temp.data.fill_(3.0)
    run(module, clips)
    assert module.model.temp.item() == 0.5


def test_learning_tells_texts_apart(clips):
    module = loss_of(objective(contrast=1.0, matching=1.0, words=1.0))
    optimizer = torch.optim.Adam(module.parameters(), lr=3e-3)
    first, last = None, None
    for step in range(40):
        loss, sums = module(clips, TOKENS, torch.Generator().manual_seed(step))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        first, last = first or sums, sums
    assert last["right"] == 4
    assert last["contrast"] < 0.7 * first["contrast"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"contrast": -1.0}, r"objective\.contrast is -1\.0; it has to be 0 or more"),
        ({"word_ratio": 1.0}, r"objective\.word_ratio is 1\.0"),
        ({"mask": "stripes"}, r"objective\.mask is stripes; it has to be random or"),
        ({"mask": None}, r"objective\.alignment is 1\.0; it has to be 0 where nothing is hidden"),
        ({"teacher": "videomamba_mini"}, "clip_tower_b16 or"),
    ],
)
def test_impossible_objectives_are_one_sentence(fields, message):
    with pytest.raises(RecipeError, match=message):
        JointPretraining(**fields)
