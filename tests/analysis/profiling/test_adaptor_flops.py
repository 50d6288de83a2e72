"""The arithmetic of adaptors and of VMamba: published sizes, and formulas written by hand."""

import pytest

from analysis.models import model_config
from analysis.profiling.flops import model_arithmetic


def parts(name, **fields):
    return {p.part: p.multiply_adds for p in model_arithmetic(name, **fields).parts}


@pytest.mark.parametrize(
    ("host", "adapted", "host_giga", "adapted_giga"),
    [
        ("vmamba_b1", "mamba_adaptor_b1", 1.24, 1.40),
        ("vmamba_tiny", "mamba_adaptor_b2", 4.87, 5.19),
        ("vmamba_tiny_wide", "mamba_adaptor_b2_wide", 4.81, 5.36),
    ],
)
def test_multiply_adds_of_the_backbones(host, adapted, host_giga, adapted_giga):
    """Section 5 of the specification, which counts neither skips nor the scan for the states."""
    plain, with_adaptors = parts(host), parts(adapted)
    assert sum(plain.values()) / 1e9 == pytest.approx(host_giga, rel=0.01)
    once = {**with_adaptors, "scan": plain["scan"]}
    assert sum(once.values()) / 1e9 == pytest.approx(adapted_giga, rel=0.01)


@pytest.mark.parametrize(("frames", "states"), [(2, 4), (4, 4), (8, 4), (4, 1)])
def test_adaptor_t_costs_what_its_formula_says(frames, states):
    """A direction: predictors 2 E S K L, reads (2 K + 1) E N L; linear in the tokens.

    Section 3.1 puts the reads at about 3 K E N L; here interpolation and mix are one weight.
    """
    fields = {"num_frames": frames, "state_size": states}
    config = model_config("videomamba_adaptor_debug", **fields)
    plain, adapted = (parts(f"videomamba_{kind}debug", **fields) for kind in ("", "adaptor_"))
    L, E, S, K = config.token_grid.length, 48, 2, 2
    scans = 2 * config.depth
    assert adapted["adaptor_t"] == scans * (2 * E * S * K * L + (2 * K + 1) * E * states * L)
    # One more scan, for the mean states.
    assert adapted["scan"] - plain["scan"] == scans * 9 * E * L * states


def test_adaptor_s_costs_nine_products_a_scale():
    config = model_config("videomamba_adaptor_debug")
    found = parts("videomamba_adaptor_debug")["adaptor_s"]
    assert found == config.depth * 2 * 9 * 48 * config.token_grid.patches


def test_switched_off_adaptors_cost_nothing():
    fields = {"adaptor_t": False, "adaptor_s": False}
    assert parts("videomamba_adaptor_debug", **fields) == parts("videomamba_debug")
    assert parts("mamba_adaptor_b1", **fields) == parts("vmamba_b1")
