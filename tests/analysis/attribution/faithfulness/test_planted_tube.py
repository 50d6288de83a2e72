"""Every method on a model of which one tube alone decides (its construction is in conftest)."""

import numpy as np
import pytest
import torch

from analysis.attribution.attribution import METHODS, attribute
from analysis.attribution.faithfulness.curves import measured_curves
from analysis.attribution.faithfulness.removal import Removal
from analysis.attribution.faithfulness.units import units_of

TUBE = (slice(None), 1, 2)


@pytest.fixture
def clip():
    """Bright everywhere, by nearly as much, so that brightness does not give the tube away."""
    return 1.0 + 0.2 * torch.rand(3, 3, 12, 12, generator=torch.Generator().manual_seed(0))


def test_the_tube_alone_reaches_the_logit(tube_videomamba, clip):
    """The construction itself, by gradient: hardly any outside, some on every token inside."""
    clip = clip.clone().requires_grad_()
    logits = tube_videomamba(clip[None])[0]
    (gradient,) = torch.autograd.grad(logits[0], clip)
    by_token = gradient.abs().sum(0).reshape(3, 1, 3, 4, 3, 4).sum((1, 3, 5))
    inside = by_token[TUBE].clone()
    by_token[TUBE] = 0
    assert logits[0] > 1 and logits[1] == 0
    assert by_token.max() < 0.03 * inside.min()


@pytest.mark.parametrize("method", METHODS)
def test_the_top_units_are_the_tube(tube_videomamba, clip, method):
    values = attribute(tube_videomamba, clip, method, 0).values.copy()
    inside = values[TUBE].copy()
    values[TUBE] = -np.inf
    assert inside.min() > values.max()


@pytest.mark.parametrize("method", METHODS)
def test_deletion_is_below_random_below_reverse(tube_videomamba, clip, method):
    units = units_of("tubelets", tube_videomamba.token_grid)
    removal = Removal(tube_videomamba, clip, 0, units, score="logit")
    values = attribute(tube_videomamba, clip, method, 0).values
    found = measured_curves(
        removal, values, steps=27, random_rankings=8, generator=np.random.default_rng(0)
    )
    assert found.most_first.auc < found.random.auc < found.least_first.auc
    assert found.gap > 0
