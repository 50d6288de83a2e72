"""Effects of masks on answers, what they save, and how many answers stay right."""

import pytest
import torch
import torch.nn.functional as F

from analysis.masking.accuracy import UNMASKED, LabelledClips, masked_accuracies
from analysis.masking.cost_saved import mask_costs
from analysis.masking.effects import mask_effects, masked_effect, unmasked_pass
from analysis.masking.strategies import STRATEGIES, draw_masks
from analysis.models import create_model


@pytest.fixture(params=["videomamba_debug", "videomamba_image_debug"])
def model(request):
    torch.manual_seed(1)
    return create_model(request.param, readout="mean").eval()


@pytest.fixture
def clip(model):
    shape = (3, 16, 16) if model.config.num_frames is None else (3, 4, 16, 16)
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def weights_of(model):
    grid = model.token_grid
    even = torch.ones(grid.t, grid.h * grid.w)
    return {"attention": even, "motion": even}


def seeded():
    return torch.Generator().manual_seed(0)


def test_nothing_hidden_changes_nothing(model, clip):
    whole = unmasked_pass(model, clip)
    (effect,) = mask_effects(model, clip, ["random"], [0.0], 2, seeded())
    assert effect.real_ratio == 0 and effect.visible == model.token_grid.patches
    assert effect.probability == pytest.approx([whole.probability] * 2, abs=1e-6)
    assert effect.same_answer == (True, True)
    assert effect.token_similarity == pytest.approx([1, 1], abs=1e-6)
    assert effect.readout_similarity == pytest.approx([1, 1], abs=1e-6)


def test_values_are_those_of_single_passes(model, clip):
    """Against the model run mask by mask and cosines written out."""
    grid = model.token_grid
    masks = draw_masks("frame_row", grid, 0.5, 3, seeded())
    whole = unmasked_pass(model, clip)
    effect = masked_effect(model, clip, masks, whole, "frame_row", 0.5)
    with torch.inference_mode():
        plain = model(clip[None])
        assert whole.answer == plain.argmax()
        for number, mask in enumerate(masks):
            logits = model(clip[None], mask[None])
            probability = logits.softmax(-1)[0, whole.answer].item()
            assert effect.probability[number] == pytest.approx(probability, abs=1e-6)
            assert effect.same_answer[number] == (logits.argmax() == whole.answer)
            seen = model.forward_features(clip[None], mask[None])[0, 1:]
            before = model.forward_features(clip[None])[0][~mask][1:]
            cosines = [
                float(a @ b / a.norm() / b.norm()) for a, b in zip(seen, before, strict=True)
            ]
            mean = sum(cosines) / len(cosines)
            assert effect.token_similarity[number] == pytest.approx(mean, abs=1e-5)
            readout = F.cosine_similarity(seen.mean(0), whole.readout[0], dim=0)
            assert effect.readout_similarity[number] == pytest.approx(float(readout), abs=1e-5)


def test_masks_run_in_parts_are_masks_run_together(model, clip, monkeypatch):
    masks = draw_masks("tube", model.token_grid, 0.5, 5, seeded())
    whole = unmasked_pass(model, clip)
    together = masked_effect(model, clip, masks, whole, "tube", 0.5)
    monkeypatch.setattr("analysis.masking.effects._TOKENS_AT_ONCE", 1)
    apart = masked_effect(model, clip, masks, whole, "tube", 0.5)
    assert apart.probability == pytest.approx(together.probability, abs=1e-6)
    assert apart.token_similarity == pytest.approx(together.token_similarity, abs=1e-5)


def test_effects_come_ratio_by_ratio_and_leave_the_model(model, clip):
    before = {name: value.clone() for name, value in model.state_dict().items()}
    found = list(mask_effects(model, clip, STRATEGIES, [0.5, 0.9], 2, seeded(), weights_of(model)))
    assert [(e.ratio, e.strategy) for e in found] == [
        (r, s) for r in (0.5, 0.9) for s in STRATEGIES
    ]
    assert all(0 <= p <= 1 for e in found for p in e.probability)
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items())
    assert not model.training


def test_a_mask_saves_tokens(model, clip):
    patches = model.token_grid.patches
    free, most = mask_costs(model, clip, [0.0, 0.75], seeded(), rounds=1)
    assert (free.tokens, most.tokens) == (1 + patches, 1 + patches - int(0.75 * patches))
    assert (free.real_ratio, most.real_ratio) == (0, 0.75)
    for cost in (free, most):
        assert cost.latency_ms > 0 and cost.relative_latency > 0
        assert cost.memory_bytes is None or cost.memory_bytes >= 0


def test_right_answers_are_counted_over_all_batches():
    """A model that knows its classes by one patch: right where the mask leaves it."""

    class Knows(torch.nn.Module):
        token_grid = create_model("videomamba_debug").token_grid

        def forward(self, clips, mask=None):
            seen = torch.ones(len(clips), dtype=torch.bool) if mask is None else ~mask[:, 1]
            return F.one_hot(torch.where(seen, clips[:, 0, 0, 0, 0].long(), 4), 5).float()

    grid = Knows.token_grid
    batches = []
    for classes in (torch.tensor([0, 1, 2]), torch.tensor([3, 0])):
        clips = classes.float().view(-1, 1, 1, 1, 1).expand(-1, 3, 4, 16, 16)
        moving = torch.zeros(len(classes), grid.t, grid.h * grid.w)
        moving[:, 0, 0] = torch.tensor([1.0, 0.0, 1.0])[: len(classes)]
        moving[1, 0, 1:] = 1.0
        batches.append(LabelledClips(clips, classes, {"motion": moving}))
    whole, masked = masked_accuracies(Knows(), batches, ["motion"], 1 / 16, seeded())
    assert (whole.strategy, whole.correct, whole.clips) == (UNMASKED, 5, 5)
    assert masked.correct == 2  # the second clip of either batch keeps the patch
    assert masked.accuracy == pytest.approx(0.4)


def test_no_clips_are_one_sentence():
    with pytest.raises(ValueError, match="no clips to judge on"):
        masked_accuracies(create_model("videomamba_debug"), [], ["tube"], 0.5, seeded())
