"""Training runs of a few steps on a tiny task: exact resume, falling loss, clear refusals."""

import json

import numpy as np
import pytest
import torch

from analysis.training.recipe import Recipe, make_optimizer, spread_step_sizes
from analysis.training.trainer import (
    PROGRESS_FILE,
    STATE_FILE,
    TrainingError,
    start_state,
    train,
)

TINY = Recipe(model="videomamba_debug", clips=64, batch_size=8, learning_rate=3e-3)


class StripesOrNoise:
    """Two easy classes of clips in the size of videomamba_debug: flat grey or strong noise."""

    def batch(self, size, generator, difficulty=1.0):
        labels = generator.integers(0, 2, size)
        pixels = np.full((size, 4, 16, 16, 3), 128, np.uint8)
        noise = generator.integers(0, 256, pixels.shape, dtype=np.uint8)
        noisy = labels.astype(bool)[:, None, None, None, None]
        return np.where(noisy, noise, pixels), labels.astype(np.int64)


def weights(state) -> torch.Tensor:
    models = (state.model, state.mean_model)
    return torch.cat([p.detach().flatten() for model in models for p in model.parameters()])


def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(tmp_path):
    whole = train(TINY, StripesOrNoise(), tmp_path / "whole")
    train(TINY, StripesOrNoise(), tmp_path / "parts", stop_after=3)
    resumed = train(TINY, StripesOrNoise(), tmp_path / "parts")
    assert resumed.step == whole.step == TINY.steps == 8
    assert torch.equal(weights(resumed), weights(whole))


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(tmp_path):
    runs = [
        train(Recipe(**{**vars(TINY), "seed": seed}), StripesOrNoise(), tmp_path / str(number))
        for number, seed in enumerate((0, 0, 1))
    ]
    assert torch.equal(weights(runs[0]), weights(runs[1]))
    assert not torch.equal(weights(runs[0]), weights(runs[2]))


def test_loss_falls_and_progress_is_written_as_json_lines(tmp_path):
    recipe = Recipe(**{**vars(TINY), "clips": 400})
    rows = []
    train(
        recipe,
        StripesOrNoise(),
        tmp_path,
        report_every=10,
        evaluate=lambda model: 0.5,
        evaluate_every=20,
        progress=rows.append,
    )
    written = [json.loads(line) for line in (tmp_path / PROGRESS_FILE).read_text().splitlines()]
    assert written == rows
    assert [row["step"] for row in rows] == [10, 20, 30, 40, 50]
    assert rows[-1]["loss"] < 0.6 * rows[0]["loss"]
    assert [row.get("held_out_accuracy") for row in rows] == [None, 0.5, None, 0.5, None]


def test_another_recipe_does_not_continue_a_run(tmp_path):
    train(TINY, StripesOrNoise(), tmp_path, stop_after=1)
    other = Recipe(**{**vars(TINY), "learning_rate": 1e-3})
    with pytest.raises(TrainingError, match="holds a run of another recipe"):
        train(other, StripesOrNoise(), tmp_path)
    fresh = train(other, StripesOrNoise(), tmp_path, resume=False, stop_after=1)
    assert fresh.step == 1


def test_a_run_killed_while_saving_keeps_the_last_state(tmp_path, monkeypatch):
    train(TINY, StripesOrNoise(), tmp_path, stop_after=2)
    before = (tmp_path / STATE_FILE).read_bytes()

    def cut_short(content, path):
        path.write_bytes(b"half a file")
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", cut_short)
    with pytest.raises(KeyboardInterrupt):
        train(TINY, StripesOrNoise(), tmp_path, stop_after=3)
    assert (tmp_path / STATE_FILE).read_bytes() == before


def test_a_diverging_run_says_so(tmp_path):
    recipe = Recipe(**{**vars(TINY), "learning_rate": float("inf")})
    with pytest.raises(TrainingError, match="use a lower learning rate"):
        train(recipe, StripesOrNoise(), tmp_path)


def test_weight_decay_touches_weight_matrices_only():
    model = start_state(TINY).model
    decayed, undecayed = make_optimizer(model, TINY).param_groups
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    assert undecayed["weight_decay"] == 0.0
    assert {names[id(p)].split(".")[-1] for p in decayed["params"]} == {"weight"}
    kept = {names[id(p)].split(".")[-1] for p in undecayed["params"]}
    assert kept >= {"A_log", "A_b_log", "D", "D_b", "bias", "pos_embed", "cls_token"}
    assert len(decayed["params"]) + len(undecayed["params"]) == len(names)


def test_initial_step_sizes_are_spread_over_the_range():
    model = start_state(TINY).model
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
    recipe = Recipe(clips=64_000, batch_size=64, learning_rate=2.0, warmup_share=0.03)
    assert recipe.steps == 1000
    assert recipe.learning_rate_at(step) == pytest.approx(2.0 * share, abs=1e-4)


def test_clips_grow_harder_and_stay_hard():
    recipe = Recipe(clips=64_000, batch_size=64, easy_share=0.25)
    assert [recipe.difficulty_at(step) for step in (0, 125, 250, 999)] == [0.0, 0.5, 1.0, 1.0]
