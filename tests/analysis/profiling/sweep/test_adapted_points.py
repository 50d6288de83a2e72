"""MoMa, models with adaptors and image models as points of a sweep."""

import pytest
import torch

from analysis.models import create_model
from analysis.profiling.sweep import measure
from analysis.profiling.sweep.measure import measure_point
from analysis.profiling.sweep.planner import plans
from analysis.profiling.sweep.point import MEASURED, CostPoint, Curve
from analysis.profiling.sweep.spec import SweepSpec
from analysis.profiling.sweep.summary import peers


@pytest.mark.parametrize(
    ("model", "tokens", "shape"),
    [
        ("moma_debug", 4 * 16, (2, 3, 4, 32, 32)),
        ("videomamba_adaptor_debug", 1 + 4 * 64, (2, 3, 4, 32, 32)),
        ("vim_debug", 4 * (1 + 64), (8, 3, 32, 32)),
        ("mamba_adaptor_debug", 4 * 64, (8, 3, 32, 32)),
    ],
)
def test_points_know_their_tokens_and_input(model, tokens, shape, one_thread):
    point = CostPoint(Curve(model), 4, 32, batch=2)
    assert (point.tokens, point.input_shape) == (tokens, shape)
    result = measure_point(point, 0.0, lambda: None)
    assert result.status == MEASURED, result.note
    assert result.all_tokens == 2 * tokens
    assert result.weights_bytes > 0 and result.kernel_ran


def test_a_training_step_of_a_moma_leaves_its_tower_alone(monkeypatch, one_thread):
    model = create_model("moma_debug", image_size=32)
    monkeypatch.setattr(measure, "create_model", lambda *_, **__: model)
    result = measure_point(CostPoint(Curve("moma_debug", pass_="training"), 2, 32), 0.0, int)
    assert result.status == MEASURED, result.note
    assert all(p.grad is None and not p.requires_grad for p in model.tower.parameters())


def test_sizes_are_compared_with_peers_of_theirs():
    names = ("moma_b16", "moma_l14", "mamba_adaptor_b2", "vmamba_b1", "vim_small")
    attention = [f"timesformer_{size}_joint" for size in ("tiny", "small", "base", "l14")]
    spec = SweepSpec(models=(*names, *attention), kernels=("auto", "sdpa"))
    assert [(scan.model, peer.model) for scan, peer in peers(spec.curves)] == [
        ("moma_b16", "timesformer_base_joint"),
        ("moma_l14", "timesformer_l14_joint"),
        ("mamba_adaptor_b2", "timesformer_small_joint"),
        ("vmamba_b1", "timesformer_tiny_joint"),
        ("vim_small", "timesformer_small_joint"),
    ]


@pytest.mark.parametrize("model", ["moma_b16", "mamba_adaptor_b1"])
def test_plans_are_linear_in_frames(model, law_sweep):
    curve = Curve(model)

    def linear(point):
        grid = point.config.token_grid
        tokens = point.num_frames * grid.h * grid.w
        return 1.0 + tokens / 100, 2e6 + 1e4 * tokens

    (plan,) = plans(law_sweep({curve: linear}), 1e9, 112)
    places = 49 if model == "moma_b16" else 28**2
    # 1e6 of weights + 2e6 + 1e4 * frames * places = 1e9
    assert plan.most_frames == int((1e9 - 3e6) / (1e4 * places))
    assert plan.latency_ms == pytest.approx(1 + plan.most_frames * places / 100, rel=1e-4)
    assert torch.tensor(plan.memory_error) < 1e-3
