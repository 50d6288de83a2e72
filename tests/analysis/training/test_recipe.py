"""What recipes are made of: learning rates, lengths, initial step sizes, weight decay."""

from dataclasses import replace

import pytest
import torch

from analysis.training.errors import RecipeError
from analysis.training.initial_model import spread_step_sizes
from analysis.training.optimizer import make_optimizer
from analysis.training.recipe import Optimizer
from analysis.training.rendered_clips import RenderedSource
from analysis.training.source import RunShape
from analysis.training.state import start_state


def test_weight_decay_touches_weight_matrices_only(tiny):
    model = start_state(tiny, ("grey", "noise")).model
    groups = make_optimizer(model, tiny.optimizer).param_groups
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    decayed = [p for g in groups if g["weight_decay"] > 0 for p in g["params"]]
    kept = [p for g in groups if g["weight_decay"] == 0 for p in g["params"]]
    assert {names[id(p)].split(".")[-1] for p in decayed} == {"weight"}
    last = {names[id(p)].split(".")[-1] for p in kept}
    assert last >= {"A_log", "A_b_log", "D", "D_b", "bias", "pos_embed", "cls_token"}
    assert len(decayed) + len(kept) == len(names)


def test_initial_step_sizes_are_spread_over_the_range(tiny):
    model = start_state(tiny, ("grey", "noise")).model
    spread_step_sizes(model, (0.001, 0.1), torch.Generator().manual_seed(0))
    for name, parameter in model.named_parameters():
        if name.endswith(("dt_proj.bias", "dt_proj_b.bias")):
            steps = torch.nn.functional.softplus(parameter.detach())
            assert 0.001 * 0.99 <= steps.min() < 0.01
            assert 0.02 < steps.max() <= 0.1 * 1.01


@pytest.mark.parametrize(
    ("step", "share"),
    [(0, 1 / 30), (29, 1.0), (30, 1.0), (515, 0.5), (999, 0.0)],
    ids=["first", "warm", "peak", "middle", "last"],
)
def test_learning_rate_warms_up_and_follows_a_cosine(step, share):
    optimizer = Optimizer(learning_rate=2.0, warmup_share=0.03)
    assert optimizer.learning_rate_at(step, 1000, 64) == pytest.approx(2.0 * share, abs=1e-4)


def test_learning_rate_grows_with_the_batch_where_a_reference_is_given():
    optimizer = Optimizer(learning_rate=1e-4, reference_batch=256, warmup_share=0.0)
    assert optimizer.learning_rate_at(1, 1000, 1024) == pytest.approx(4e-4, rel=1e-3)


def test_learning_rate_ends_where_it_is_told_to():
    optimizer = Optimizer(learning_rate=1.0, final_learning_rate=0.25, warmup_share=0.0)
    assert optimizer.learning_rate_at(999_999, 1_000_000, 1) == pytest.approx(0.25, abs=1e-3)


def test_length_in_clips_and_in_epochs(tiny):
    assert tiny.steps(None) == 8
    epochs = replace(tiny, clips=None, epochs=3)
    assert epochs.steps(85) == 30
    with pytest.raises(RecipeError, match="set clips"):
        epochs.steps(None)
    with pytest.raises(RecipeError, match="set epochs"):
        replace(tiny, clips=None).steps(85)


def test_rendered_clips_grow_harder_and_stay_hard():
    run = RunShape(seed=0, batch_size=64, steps=1000, num_frames=8, image_size=64)
    source = RenderedSource(None, easy_share=0.25, run=run)
    assert [source.difficulty_at(step) for step in (0, 125, 250, 999)] == [0.0, 0.5, 1.0, 1.0]


def test_a_recipe_made_in_code_is_checked_too(tiny):
    with pytest.raises(RecipeError, match="batch_size"):
        replace(tiny, batch_size=0)
