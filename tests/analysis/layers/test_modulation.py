"""Fusions against their formulas, and how they start and begin to learn."""

import pytest
import torch

from analysis.layers.modulation import FUSIONS, SKIP, Modulator

WITH_LAYER = tuple(fusion for fusion in FUSIONS if fusion != SKIP)
CHANGED_FROM_THE_START = ("max", "adan_norm")
LAST = {"ssm.out_proj.weight", "ssm.out_proj.bias"}


def modulator(fusion="seqmod", **options):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Modulator(8, 4, fusion, state_size=4, **options)


def tokens(dtype=torch.float32):
    return torch.randn(2, 3, 2, 2, 8, generator=torch.Generator().manual_seed(1), dtype=dtype)


def shaken(found):
    """Every tensor of a module random, in float64."""
    generator = torch.Generator().manual_seed(2)
    for parameter in found.double().parameters():
        parameter.data += 0.3 * torch.randn(
            parameter.shape, generator=generator, dtype=torch.float64
        )
    return found


def of_clip(y):
    """The mean over all tokens, clip by clip."""
    return torch.stack([clip.reshape(-1, y.shape[-1]).mean(0) for clip in y])[:, None, None, None]


def standardised(x):
    mean, variance = x.mean(-1, keepdim=True), x.var(-1, keepdim=True, correction=0)
    return (x - mean) / (variance + 1e-5).sqrt()


FORMULAS = {
    "seqmod": lambda x, y1, y2: (1 + y1) * x + y2,
    "add": lambda x, _, y: x + y,
    "max": lambda x, _, y: torch.where(x > y, x, y),
    "adan": lambda x, y1, y2: (1 + of_clip(y1)) * x + of_clip(y2),
    "adan_norm": lambda x, y1, y2: (1 + of_clip(y1)) * standardised(x) + of_clip(y2),
    "scale_only": lambda x, y1, _: (1 + y1) * x,
    "bias_only": lambda x, _, y2: x + y2,
    "no_skip": lambda x, y1, y2: y1 * x + y2,
}


@pytest.mark.parametrize("fusion", FORMULAS)
def test_fusions_are_their_formulas(fusion):
    found, x = shaken(modulator(fusion)), tokens(torch.float64)
    step = found(x)
    said = found.ssm(x).split(8, dim=-1)
    has_scale = "y1" in FORMULAS[fusion].__code__.co_varnames
    has_bias = FORMULAS[fusion].__code__.co_varnames[2] != "_"
    assert len(said) == has_scale + has_bias
    expected = FORMULAS[fusion](x, said[0], said[-1])
    torch.testing.assert_close(step.out, expected, rtol=0, atol=1e-12)
    assert (step.scale is not None, step.bias is not None) == (has_scale, has_bias)
    assert step.x is x
    if has_scale:
        assert torch.equal(step.scale, said[0])
    if has_bias:
        assert torch.equal(step.bias, said[-1])


def test_concatenation_is_two_products():
    found, x = shaken(modulator("concat")), tokens(torch.float64)
    step = found(x)
    left, right = found.mix.weight[:, :8], found.mix.weight[:, 8:]
    torch.testing.assert_close(step.out, x @ left.T + found.ssm(x) @ right.T)


@pytest.mark.parametrize("fusion", WITH_LAYER)
def test_a_fresh_modulator_changes_nothing(fusion):
    """To the last bit, but for the two fusions that cannot."""
    found = modulator(fusion)(tokens()).out
    assert torch.equal(found, tokens()) == (fusion not in CHANGED_FROM_THE_START)


def test_without_zero_init_it_does():
    found = modulator(zero_init=False)
    assert not torch.equal(found(tokens()).out, tokens())
    assert found.ssm.out_proj.weight.std() > 0


def test_bias_only_is_add():
    add, bias_only = shaken(modulator("add")), shaken(modulator("bias_only"))
    bias_only.load_state_dict(add.state_dict())
    x = tokens(torch.float64)
    assert torch.equal(add(x).out, bias_only(x).out)


def test_adan_is_seqmod_of_token_means():
    seqmod, adan = shaken(modulator("seqmod")), modulator("adan").double()
    adan.load_state_dict(seqmod.state_dict())
    x = tokens(torch.float64)
    step = seqmod(x)
    expected = of_clip(step.scale) * x + of_clip(step.bias) + x
    torch.testing.assert_close(adan(x).out, expected, rtol=0, atol=1e-12)
    assert (step.out - expected).abs().max() > 0.1


def moving(found, optimiser=None):
    """Names of the parameters with a gradient that is not all zero."""
    found.zero_grad()
    weights = torch.randn(tokens().shape, generator=torch.Generator().manual_seed(3))
    (found(tokens()).out * weights).sum().backward()
    if optimiser:
        optimiser.step()
    return {name for name, p in found.named_parameters() if p.grad is not None and p.grad.any()}


@pytest.mark.parametrize("fusion", ["seqmod", "add", "adan", "scale_only", "bias_only", "no_skip"])
def test_the_last_projection_learns_first_and_then_everything(fusion):
    found = modulator(fusion)
    every = {name for name, _ in found.named_parameters()}
    optimiser = torch.optim.SGD(found.parameters(), lr=0.1)
    assert moving(found, optimiser) == LAST
    assert moving(found) == every


def test_concatenation_would_never_learn_from_two_zeros():
    """Why its layer starts like any other: the mixing weights are zero for it already."""
    found = modulator("concat")
    optimiser = torch.optim.SGD(found.parameters(), lr=0.1)
    assert moving(found, optimiser) == {"mix.weight"}
    assert moving(found) == {name for name, _ in found.named_parameters()}
    for parameter in (found.ssm.out_proj.weight, found.ssm.out_proj.bias):
        parameter.data.zero_()
    torch.nn.init.eye_(found.mix.weight)
    assert found.mix.weight[:, 8:].any() == 0
    moving(found)
    assert not found.mix.weight.grad[:, 8:].any()
    assert not any(p.grad.any() for p in found.ssm.parameters())
