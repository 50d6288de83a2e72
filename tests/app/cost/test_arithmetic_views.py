"""Arithmetic as bars, table and sentences: lengths and numbers are those of the count."""

import re
from dataclasses import replace

import pytest

from analysis.ops.scan_order import SCAN_ORDERS
from analysis.profiling.attention_peers import TitledArithmetic
from analysis.profiling.flops import PARTS, Arithmetic, PartArithmetic, model_arithmetic
from app.components.arithmetic_table import arithmetic_table
from app.figures.arithmetic_bars import PART_LOOKS, multiply_adds_bars, parameters_bars
from app.figures.arithmetic_sentences import (
    counting_sentence,
    parameters_sentence,
    peers_sentence,
)
from app.selection import Selection
from app.tabs.cost_flops import _exported, _models, _printed


def arithmetic(name, parts, scans, parameters=None):
    return Arithmetic(
        model=name,
        num_frames=8,
        frame_size=(64, 64),
        tokens=129,
        parts=tuple(PartArithmetic(*part) for part in parts),
        parameters=parameters or {"in_proj": 600_000, "scan": 50_000, "norm": 350_000},
        scans=scans,
    )


SCANNING = TitledArithmetic(
    "videomamba_debug",
    "Scanning <b>",
    arithmetic(
        "a",
        [
            ("in_proj", 4_000_000, 0),
            ("conv1d", 1_000_000, 0),
            ("scan", 0, 3_000_000),
            ("out_proj", 2_000_000, 0),
        ],
        True,
    ),
)
ATTENDING = TitledArithmetic(
    "timesformer_tiny_joint",
    "Attending",
    arithmetic(
        "b",
        [
            ("qkv", 5_000_000, 0),
            ("attention_scores", 6_000_000, 0),
            ("attention_values", 6_000_000, 0),
            ("mlp", 3_000_000, 0),
        ],
        False,
        {"mlp": 2_000_000},
    ),
)
MODELS = [SCANNING, ATTENDING]


def widths(html):
    """Widths in percent, piece by piece, of every bar."""
    return [
        [float(width) for width in re.findall(r"width:([\d.]+)%", track)]
        for track in html.split('class="region-track"')[1:]
    ]


def test_bars_have_one_scale_and_the_papers_own_count():
    html = multiply_adds_bars(MODELS)
    assert widths(html) == [[20, 5, 15, 10], [20, 10], [25, 30, 30, 15]]
    assert html.count('class="added" style="width') == 1
    assert html.count("as its paper counts") == 2  # words and label of one bar
    assert "Scanning &lt;b&gt;" in html
    assert "<b>Scanning <b>" not in html
    assert "from a formula" in html


def test_bars_of_parameters():
    html = parameters_bars(MODELS)
    assert widths(html) == [[17.5, 30, 2.5], [100]]
    assert "from a formula" not in html


def test_every_part_has_a_look():
    known = set(PARTS)
    for name in (
        *("videomamba_debug", "timesformer_tiny_divided", "vivit_tiny_factorised"),
        *("moma_debug", "mamba_adaptor_debug", "vim_adaptor_debug"),
    ):
        known |= model_arithmetic(name).parameters.keys()
    assert known == set(PART_LOOKS)


@pytest.mark.parametrize("view", [multiply_adds_bars, parameters_bars, arithmetic_table])
def test_nothing_is_said_before_anything_is_counted(view):
    html = view(())
    assert html.startswith("<p class=")
    assert not re.search(r"\d", html)


def test_table_has_parts_and_totals():
    html = arithmetic_table(MODELS)
    rows = {
        re.search(r'row-name">([^<]+)', row)[1]: re.findall(r'<td[^>]*data-value="([^"]*)"', row)
        for row in html.split("<tr ")[1:]
        if "row-name" in row
    }
    assert rows["Scans"] == ["3000000", ""]
    assert rows["All parts"] == ["10000000", "20000000"]
    assert rows["of them counted"] == ["7000000", "20000000"]
    assert rows["of them added from a formula"] == ["3000000", "0"]
    assert rows["As its paper counts"] == ["6000000", "20000000"]


def test_sentences_carry_the_numbers():
    words = counting_sentence(MODELS, 17)
    for part in (
        "8 frames of 64 px",
        "10.0\u202fM",
        "6.00\u202fM",
        "60\u202f%",
        "prints 17 GFLOPs",
    ):
        assert part in words
    assert "prints" not in counting_sentence(MODELS, None)
    assert "paper" not in counting_sentence([ATTENDING], None)
    peers = peers_sentence(MODELS)
    for part in ("Attending 2.00", "30\u202f%", "60\u202f%"):
        assert part in peers
    assert "60\u202f%" in parameters_sentence(MODELS)


@pytest.fixture
def selection():
    return Selection("clip.mp4", "videomamba_mini.untrained", 8, 64, "spatial_first")


def test_the_selection_is_what_is_counted(selection):
    own, *peers = _models(selection)
    assert own.arithmetic.num_frames == 8
    assert own.title == "VideoMamba-mini"
    assert [peer.title.split()[0] for peer in peers] == [
        "TimeSformer",
        "TimeSformer",
        "ViViT",
        "ViViT",
        "ViT",
    ]
    assert own.arithmetic == model_arithmetic("videomamba_mini")


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("moma_mini", ["its scans and windows", "its CLIP frame by frame", "blocks of its CLIP"]),
        ("videomamba_adaptor_mini", ["its scans, memory and convolutions", "without adaptors"]),
    ],
)
def test_sentences_name_what_a_model_has(selection, model, words):
    models = list(_models(replace(selection, model=f"{model}.untrained")))
    said = peers_sentence(models) + parameters_sentence(models)
    assert all(part in said for part in words)


@pytest.mark.parametrize("scan_order", SCAN_ORDERS)
def test_the_scan_order_of_the_selection_counts(selection, scan_order):
    in_order = Selection(selection.clip, selection.model, 8, 64, scan_order)
    found, usual = (next(_models(one)).arithmetic for one in (in_order, selection))
    assert (found.added > usual.added) == (scan_order == "spatiotemporal_v2")


def test_what_is_printed_belongs_to_the_trained_setting():
    name = "videomamba_tiny.k400_f16_res224"
    trained = Selection("clip.mp4", name, 16, 224, "spatial_first")
    assert _printed(trained) == 17
    assert _printed(Selection("clip.mp4", name, 8, 224, "spatial_first")) is None
    assert _printed(Selection("clip.mp4", name, 16, 224, "alternating")) is None


def test_export_has_a_line_per_part(selection):
    saved = _exported(selection, MODELS)
    lines = saved["csv"].splitlines()
    assert lines[0] == "name,part,multiply_adds,counted,added,parameters"
    assert "Scanning <b>,scan,3000000,0,3000000,50000" in lines
    assert "Attending,mlp,3000000,3000000,0,2000000" in lines
    assert '"convention": "one multiply-add is 1"' in saved["json"]
