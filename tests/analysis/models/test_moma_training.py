"""What two steps of training move, and what they leave as it was."""

import pytest
import torch

from analysis.models import create_model
from analysis.ops.adaptation_loss import adaptation_loss

VARIANTS = {
    "published": {},
    "kl": {"distill": "kl"},
    "no_distillation": {"distill": "none"},
    "linear_head": {"head": "linear"},
    "moments": {"temporal_embedding": True},
    "class_tokens": {"cls_mode": "frame", "readout": "cls"},
    "own_sets_and_gate": {"share_scans": False, "gate": True},
    "concat": {"fusion": "concat"},
    "add": {"fusion": "add"},
    "max": {"fusion": "max"},
    "adan_norm": {"fusion": "adan_norm"},
    "one_after_the_other": {"pattern": "T_then_M"},
    "recomputed": {"checkpoint_layers": True},
}


@pytest.fixture(autouse=True)
def _small(one_thread):
    """Nothing here is large enough for a second thread."""


def training(variant):
    options = dict(VARIANTS[variant])
    distill = options.pop("distill", "cosine")
    recompute = options.pop("checkpoint_layers", False)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = create_model("moma_debug", **options).train()
    model.checkpoint_layers = recompute
    generator = torch.Generator().manual_seed(1)
    clips = torch.randn(6, 3, 4, 32, 32, generator=generator)
    labels = torch.tensor([0, 1, 2, 3, 4, 0])
    frozen = model.encode_frozen(clips)

    def loss():
        return adaptation_loss(model.encode_clips(clips), frozen, labels, model.head, distill)

    return model, loss


def steps(model, loss, count):
    """Optimiser steps; the loss before each and after the last."""
    trained = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=3e-4, weight_decay=0.05)
    values = []
    for _ in range(count):
        optimiser.zero_grad()
        value = loss()
        value.backward()
        optimiser.step()
        values.append(value.item())
    with torch.no_grad():
        return [*values, loss().item()]


@pytest.mark.parametrize("variant", VARIANTS)
def test_two_steps_move_all_that_is_trained_and_nothing_else(variant):
    model, loss = training(variant)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    steps(model, loss, 2)
    trained = {name for name, p in model.named_parameters() if p.requires_grad}
    moved = {n for n, tensor in model.state_dict().items() if not torch.equal(tensor, before[n])}
    assert moved == trained and trained


def test_in_the_first_step_only_the_last_projections_learn():
    model, loss = training("published")
    loss().backward()
    learning = {n for n, p in model.named_parameters() if p.grad is not None and p.grad.any()}
    assert learning == {
        f"modulators.{layer}.ssm.out_proj.{kind}" for layer in (0, 1) for kind in ("weight", "bias")
    }


@pytest.mark.parametrize("variant", ["published", "kl", "linear_head", "class_tokens"])
def test_the_loss_falls(variant):
    model, loss = training(variant)
    values = steps(model, loss, 20)
    assert values[-1] < values[0] - 0.01
