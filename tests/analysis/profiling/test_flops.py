"""Arithmetic against golden numbers, formulas written by hand and what papers print."""

import json
import re

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from analysis.models import create_model, list_classifiers, list_models, model_config
from analysis.ops.scan_order import SCAN_ORDERS
from analysis.profiling.attention_peers import attention_peers
from analysis.profiling.errors import ProfilingError
from analysis.profiling.flop_rows import model_row, published_rows
from analysis.profiling.flops import count_multiply_adds, model_arithmetic
from analysis.profiling.printed_flops import MISPRINTS, PRINTED_GFLOPS
from analysis.weights import weights_card
from analysis.weights.published import published_cards

DEBUG = {"num_frames": 4, "image_size": 16, "patch_size": 4, "width": 24, "depth": 2}


@pytest.fixture(scope="module")
def rows():
    return {row["name"]: row for row in published_rows()}


@pytest.fixture(scope="module")
def golden(golden_folder):
    return json.loads((golden_folder / "manifest/flops.json").read_text())


def golden_name(name):
    """The golden entry of a published checkpoint; masked pretraining changes no arithmetic."""
    card = weights_card(name)
    size, data = re.match(r"videomamba_(\w\d+)_(?:(\w+?)_)(?:mask_ft_)?", card.file).groups()
    side = card.image_size
    if data == "in1k":
        return f"image_{size}_res{side}"
    return f"video_{size}_{data}_f{card.num_frames}_res{side}"


def test_every_published_classifier_equals_its_golden_entry(rows, golden):
    seen = set()
    for name, row in rows.items():
        expected, parts = golden[golden_name(name)], row["parts"]
        seen.add(golden_name(name))
        assert row["paper_convention_multiply_adds"] == expected["reported_convention"]
        assert parts["in_proj"] + parts["out_proj"] == expected["in_out_proj"]
        assert parts["scan"] == expected["selective_scan_ops"]
        for part in ("patch_embed", "head", "conv1d", "x_proj", "dt_proj"):
            assert parts[part] == expected[part], (name, part)
        assert row["total_multiply_adds"] == sum(parts.values())
        assert row["added"] == {"scan": parts["scan"]}
        assert sum(row["counted"].values()) == row["total_multiply_adds"] - parts["scan"]
    assert seen == set(golden)


def test_rows_are_the_published_classifiers(rows):
    others = ("_student_", "_retrieval_")
    names = {c.name for c in published_cards() if not any(o in c.architecture for o in others)}
    assert rows.keys() == names
    assert PRINTED_GFLOPS.keys() <= names
    assert {row["frames"] for name, row in rows.items() if "_image_" in name} == {1}


def test_what_the_paper_prints_is_reproduced_by_its_own_count(rows):
    """To the last printed digit or half a percent; all but the row taken for a misprint."""
    different = set()
    for name, printed in PRINTED_GFLOPS.items():
        found = rows[name]["paper_convention_multiply_adds"] / 1e9
        last_digit = 0.1 if isinstance(printed, float) else 1
        if abs(found - printed) > max(last_digit, 0.005 * printed):
            different.add(name)
    assert different == set(MISPRINTS)
    (misprint,) = MISPRINTS
    ratio = rows[misprint]["paper_convention_multiply_adds"] / 1e9 / PRINTED_GFLOPS[misprint]
    assert ratio == pytest.approx(2, abs=0.02)


@pytest.mark.parametrize(
    ("fields", "printed_tera"),
    [
        ({"num_frames": 8, "image_size": 224}, 0.59),
        ({"num_frames": 16, "image_size": 448}, 5.11),
        ({"num_frames": 96, "image_size": 224}, 7.14),
    ],
    ids=["timesformer", "timesformer_hr", "timesformer_l"],
)
def test_what_the_timesformer_paper_prints_for_three_views(fields, printed_tera):
    """Table 5 of arXiv 2102.05095: 10^12 multiply-adds of three crops."""
    found = 3 * model_arithmetic("timesformer_base_divided", **fields).multiply_adds / 1e12
    assert found == pytest.approx(printed_tera, rel=0.01)


def linear_parts_of_videomamba(config, scans_per_direction=1):
    """Products of a VideoMamba with one plan for all layers, from its sizes alone."""
    width, inner, length = config.width, config.expand * config.width, config.token_grid.length
    rank, states = -(-width // 16), config.state_size
    layers, scans = config.depth, 2 * scans_per_direction * config.depth
    return {
        "patch_embed": (length - 1)
        * width
        * config.tubelet
        * config.in_channels
        * config.patch_size**2,
        "in_proj": layers * length * width * 2 * inner,
        "conv1d": scans * length * inner * config.conv_width,
        "x_proj": scans * length * inner * (rank + 2 * states),
        "dt_proj": scans * length * rank * inner,
        "out_proj": layers * length * inner * width,
        "head": width * config.num_classes,
    }


@pytest.mark.parametrize("scan_order", SCAN_ORDERS)
def test_counted_parts_equal_the_formula_in_every_scan_order(scan_order):
    """Both directions over both orders is twice the scans, and twice what stands before them."""
    arithmetic = model_arithmetic("videomamba_debug", **DEBUG, scan_order=scan_order)
    orders = 2 if scan_order == "spatiotemporal_v2" else 1
    config = model_config("videomamba_debug", **DEBUG, scan_order=scan_order)
    counted = {part.part: part.counted for part in arithmetic.parts if part.part != "scan"}
    assert counted == linear_parts_of_videomamba(config, orders)
    (scan,) = (part for part in arithmetic.parts if part.part == "scan")
    inner = config.token_grid.length * 48
    # 9 N and the skip a scan; the gate, a sum and a product, once a layer.
    per_layer = 2 * orders * inner * (9 * 4 + 1) + 2 * inner
    assert (scan.counted, scan.added) == (0, 2 * per_layer)


def linear_parts_of_attention(config, sequences):
    """Products of blocks that attend within `sequences` of (number, length, blocks)."""
    width = config.width
    tokens = sum(number * length * blocks for number, length, blocks in sequences)
    pairs = sum(number * length**2 * blocks for number, length, blocks in sequences)
    return {
        "qkv": 3 * width**2 * tokens,
        "attention_scores": width * pairs,
        "attention_values": width * pairs,
        "out_proj": width**2 * tokens,
    }


# (number of sequences, their length, blocks), of 12 blocks over t moments of n patches.
SEQUENCES = {
    "vit_small": lambda t, n: [(t, 1 + n, 12)],
    "timesformer_small_joint": lambda t, n: [(1, 1 + t * n, 12)],
    "timesformer_small_divided": lambda t, n: [(n, t, 12), (t, 1 + n, 12)],
    "vivit_small_joint": lambda t, n: [(1, 1 + t * n, 12)],
    "vivit_small_factorised": lambda t, n: [(t, 1 + n, 12), (1, 1 + t, 4)],
}


@pytest.mark.parametrize("name", SEQUENCES)
def test_attention_parts_equal_the_formula(name):
    config = model_config(name, num_frames=16)
    grid, width = config.token_grid, config.width
    sequences = SEQUENCES[name](grid.t, grid.h * grid.w)
    expected = linear_parts_of_attention(config, sequences)
    tokens = sum(number * length * blocks for number, length, blocks in sequences)
    if name.endswith("divided"):
        # A second projection along time; the MLP runs once over [CLS, patches].
        expected["out_proj"] += 12 * grid.patches * width**2
        tokens = 12 * grid.length
    expected["mlp"] = 8 * width**2 * tokens
    expected["patch_embed"] = grid.patches * width * config.tubelet * 3 * 16**2
    expected["head"] = width * 400 * (grid.t if name == "vit_small" else 1)
    arithmetic = model_arithmetic(name, num_frames=16)
    assert {part.part: part.counted for part in arithmetic.parts} == expected
    assert arithmetic.added == 0


@pytest.mark.parametrize(
    ("name", "exponent"),
    [
        ("timesformer_tiny_joint", 2),
        ("vivit_tiny_joint", 2),
        ("vit_tiny", 1),
        ("videomamba_tiny", 1),
    ],
)
def test_growth_with_frames(name, exponent):
    """Work between tokens, in number of tokens: squared for joint attention, straight for scans."""
    parts = ("attention_scores", "attention_values", "scan")
    few, many = (model_arithmetic(name, num_frames=frames) for frames in (32, 128))
    work = [
        sum(part.multiply_adds for part in arithmetic.parts if part.part in parts)
        for arithmetic in (few, many)
    ]
    assert work[1] / work[0] == pytest.approx(4**exponent, rel=0.001)


@pytest.mark.parametrize("name", ["videomamba_debug", "timesformer_tiny_divided"])
def test_a_real_pass_is_counted_as_the_shapes_are(name):
    """The counter sees the same products on the processor, where numbers flow."""
    if name == "videomamba_debug":
        fields = {**DEBUG, "state_size": 4}
    else:
        fields = {**DEBUG, "heads": 3, "attention_kernel": "softmax"}
    model = create_model(name, **fields).double().eval()
    expected = {
        part.part: part.counted for part in model_arithmetic(name, **fields).parts if part.counted
    }
    assert dict(count_multiply_adds(model)) == expected
    clip = torch.zeros(1, 3, 4, 16, 16, dtype=torch.float64)
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        model(clip)
    assert counter.get_total_flops() == 2 * sum(expected.values())


@pytest.mark.parametrize("name", list_classifiers())
def test_parameters_by_part_are_all_parameters(name):
    arithmetic = model_arithmetic(name)
    with torch.device("meta"):
        model = create_model(name)
    assert sum(arithmetic.parameters.values()) == sum(p.numel() for p in model.parameters())
    assert arithmetic.parameter_count == sum(arithmetic.parameters.values())
    assert arithmetic.multiply_adds == arithmetic.counted + arithmetic.added


def test_parameters_by_part_by_hand():
    parameters = model_arithmetic("videomamba_tiny").parameters
    assert parameters == {
        "positions": 192 * (1 + 197 + 8),
        "patch_embed": 192 * (3 * 16 * 16 + 1),
        "in_proj": 24 * 192 * 768,
        "conv1d": 24 * 2 * 384 * 5,
        "x_proj": 24 * 2 * 384 * 44,
        "dt_proj": 24 * 2 * 384 * 13,
        "scan": 24 * 2 * 384 * 17,
        "out_proj": 24 * 192 * 384,
        "norm": 25 * 192,
        "head": 400 * 193,
    }


@pytest.mark.parametrize("size", ["tiny", "small", "base"])
def test_peers_of_the_published_sizes_are_their_namesakes(size):
    peers = tuple(attention_peers(f"videomamba_{size}", num_frames=16))
    names = (
        f"timesformer_{size}_joint",
        f"timesformer_{size}_divided",
        f"vivit_{size}_joint",
        f"vivit_{size}_factorised",
        f"vit_{size}",
    )
    for peer, name in zip(peers, names, strict=True):
        namesake = model_arithmetic(name, num_frames=16)
        assert peer.arithmetic.parts == namesake.parts
        assert peer.arithmetic.parameters == namesake.parameters


@pytest.mark.parametrize(
    ("name", "fields", "titles"),
    [
        ("videomamba_image_tiny", {}, ["ViT frame by frame"]),
        (
            "videomamba_tiny",
            {"num_frames": 3},
            ["TimeSformer joint", "TimeSformer divided", "ViT frame by frame"],
        ),
    ],
    ids=["image", "odd_frames"],
)
def test_peers_that_cannot_be_are_left_out(name, fields, titles):
    assert [peer.title for peer in attention_peers(name, **fields)] == titles


def test_peers_of_other_sizes_have_about_as_many_parameters():
    for name in ("videomamba_mini", "videomamba_middle"):
        own = model_arithmetic(name)
        joint = next(attention_peers(name)).arithmetic
        assert joint.tokens == own.tokens
        assert joint.parameter_count == pytest.approx(own.parameter_count, rel=0.25)


def test_weights_and_architectures_can_be_named(rows):
    name = "videomamba_small.k400_f16_res224"
    assert model_row(name) == rows[name]
    small = model_row("videomamba_small", num_frames=16)
    assert small["parts"] == rows[name]["parts"]
    assert small["paper_printed_gflops"] is None
    assert model_row("videomamba_mini.camera")["frames"] == 8


IMPOSSIBLE = {
    "frames": (("vivit_tiny_joint", 3), "3 frames can't be cut into tubelets of 2"),
    "size": (("videomamba_tiny", None, 100), "100x100 pixels can't be cut into patches of 16"),
    "order": (("vit_tiny", None, None, "alternating"), "vit_tiny has no scan_order"),
    "student": (
        ("videomamba_student_middle.k400_mask_pt_f8_res224",),
        "videomamba_student_middle is no classifier",
    ),
    "retrieval": (
        ("videomamba_retrieval_middle.5M_f8_res224",),
        "videomamba_retrieval_middle is no classifier",
    ),
}


@pytest.mark.parametrize("case", IMPOSSIBLE)
def test_impossible_requests_are_one_sentence(case):
    request, message = IMPOSSIBLE[case]
    with pytest.raises(ProfilingError, match=message) as caught:
        model_row(*request)
    assert "\n" not in str(caught.value)


def test_students_are_no_classifiers():
    for name in list_models("videomamba_student"):
        with pytest.raises(ProfilingError, match="is no classifier"):
            model_arithmetic(name)
