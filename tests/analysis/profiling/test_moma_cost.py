"""MoMa's arithmetic against the formulas of its comparison, term by term."""

import pytest

from analysis.models import create_model
from analysis.profiling.flops import count_multiply_adds, model_arithmetic
from analysis.profiling.moma_cost import moma_frame_cost

# Width, layers, patch, tokens a side.
SIZES = {"moma_b16": (768, 12, 16, 14), "moma_l14": (1024, 24, 14, 16)}


def stem(d, patch, g):
    return 3 * patch**2 * d * g


def window_areas(side, window):
    runs = [window] * (side // window) + [side % window] * (side % window > 0)
    return [a * b for a in runs for b in runs]


def modulation(d, depth, g, paths, n=16):
    e = d // 2
    r = -(-e // 16)
    return depth * g * (3 * d * e + paths * (4 * e + e * (r + 2 * n) + r * e + 3 * e * n))


def windowed(d, depth, patch, side, window=8):
    g = side**2
    attention = 2 * d * depth * sum(area**2 for area in window_areas(side, window))
    return 12 * d**2 * g * depth + attention + stem(d, patch, g)


FROZEN = {"fusion": "skip"}
PRINTED = {
    "clip": ({**FROZEN, "window": None, "cls_mode": "frame"}, 17.56, 81.0),
    "windows": (FROZEN, 16.95, 78.3),
    "modulated": ({}, 19.5, 89.8),
    "one_path": ({"scans": ("spatial_first",), "bidirectional": False}, 19.2, 88.4),
}


@pytest.mark.parametrize("column", PRINTED)
@pytest.mark.parametrize("name", SIZES)
def test_frames_cost_what_the_formulas_say(name, column):
    d, depth, patch, side = SIZES[name]
    overrides, *printed = PRINTED[column]
    g = side**2
    if column == "clip":
        expected = depth * (12 * d**2 * (g + 1) + 2 * d * (g + 1) ** 2) + stem(d, patch, g)
    else:
        paths = {"windows": 0, "modulated": 4, "one_path": 1}[column]
        expected = windowed(d, depth, patch, side)
        expected += modulation(d, depth, g, paths) if paths else 0
    found = moma_frame_cost(name, **overrides)
    assert found == expected
    assert found / 1e9 == pytest.approx(printed[list(SIZES).index(name)], abs=0.06)


@pytest.mark.parametrize(("name", "published"), [("moma_b16", 902 / 48), ("moma_l14", 4152 / 48)])
def test_published_totals_are_met_within_five_percent(name, published):
    assert moma_frame_cost(name) / 1e9 == pytest.approx(published, rel=0.05)


def test_the_scan_counts_as_videomambas_in_the_common_convention():
    """Nine operations a token, channel and state and one for the skip, for each of four paths."""
    arithmetic = model_arithmetic("moma_mini", num_frames=4)
    added = {part.part: part.added for part in arithmetic.parts if part.added}
    assert added == {"scan": 4 * 4 * (4 * 64) * 64 * (9 * 8 + 1)}
    gated = model_arithmetic("moma_mini", num_frames=4, gate=True)
    assert gated.added - arithmetic.added == 4 * 2 * (4 * 64) * 64


def test_modulation_is_linear_in_frames():
    def modulation_cost(frames):
        whole = model_arithmetic("moma_mini", num_frames=frames)
        frozen = model_arithmetic("moma_mini", num_frames=frames, fusion="skip")
        return whole.multiply_adds - frozen.multiply_adds

    assert modulation_cost(16) == 2 * modulation_cost(8) == 4 * modulation_cost(4)


@pytest.mark.parametrize(
    "overrides",
    [{}, {"cls_mode": "frame"}, {"fusion": "concat", "gate": True}, {"head": "linear"}],
    ids=["published", "class_tokens", "concat_gate", "linear"],
)
def test_a_real_pass_has_the_same_products(overrides):
    fields = {**overrides, "attention_kernel": "softmax"}
    model = create_model("moma_debug", **fields).double().eval()
    parts = model_arithmetic("moma_debug", **overrides).parts
    assert dict(count_multiply_adds(model)) == {p.part: p.counted for p in parts if p.counted}


@pytest.mark.parametrize(("cls_mode", "tokens"), [("drop", 8 * 64), ("frame", 8 * 65)])
def test_tokens(cls_mode, tokens):
    assert model_arithmetic("moma_mini", cls_mode=cls_mode).tokens == tokens


def test_parameters_by_part():
    parameters = model_arithmetic("moma_debug").parameters
    d, e, n = 32, 16, 4
    assert parameters == {
        "tower": d + 17 * d + d * 16,
        "patch_embed": 3 * 64 * d,
        "norm": 4 * d + 2 * (4 * d + 2 * d + 2 * e),
        "qkv": 2 * (3 * d * d + 3 * d),
        "out_proj": 2 * (d * d + d + 2 * d * e + 2 * d),
        "mlp": 2 * (8 * d * d + 5 * d),
        "in_proj": 2 * d * e,
        "conv1d": 2 * 5 * e,
        "x_proj": 2 * e * (1 + 2 * n),
        "dt_proj": 2 * 2 * e,
        "scan": 2 * (e * n + e),
    }
    assert sum(parameters.values()) == sum(
        p.numel() for p in create_model("moma_debug").parameters()
    )
