"""Figures of strategies: the published table of 8x14x14 at 0.8, the published masks, intervals."""

import pytest
import torch
from safetensors.torch import load_file
from scipy.stats import binomtest
from scipy.stats import t as student_t

from analysis.masking.compacted_scan import compacted_scan
from analysis.masking.coverage import coverage, temporal_leakage, visible_mass, visible_share
from analysis.masking.interval import Interval, mean_interval, share_interval
from analysis.masking.metrics import COVERAGE_FIGURES, SCAN_FIGURES, strategy_metrics
from analysis.ops.token_mask import token_mask

DRAWS = 200
GRID = (8, 14, 14)

# strategy: visible, mean run spatial-first and temporal-first, per-frame std, leakage, as measured
# over 200 draws; the reference gives its figures with these numbers of digits.
ORACLES_8X14X14 = {
    "random": (314, 1.25, 1.25, 5.1, 0.32),
    "tube": (320, 1.25, 9.97, 0, 0),
    "frame_row": (336, 16.7, 1.28, 0, 0.34),
    "clip_row": (336, 17.8, 1.27, 19.7, 0.35),
}
# Two rounded means of 200 draws: half a last digit, and four standard errors of their difference.
TOLERANCES = (0, 0.4, 0.4, 1.2, 0.012)

PUBLISHED_NAMES = {
    "random": "random",
    "tube": "tube",
    "random_row": "clip_row",
    "tube_row": "frame_row",
}


def drawn(name, draws=DRAWS, seed=0):
    mask = token_mask(name, GRID, 0.8, draws, torch.Generator().manual_seed(seed))
    return mask[:, 1:].view(draws, *GRID)


def table_row(metrics):
    space, time = (
        metrics.scans[f"{order}_first"].figures["mean_run"].mean
        for order in ("spatial", "temporal")
    )
    frames, leakage = (metrics.figures[name].mean for name in ("frame_std", "leakage"))
    return metrics.visible, space, time, frames, leakage


@pytest.mark.parametrize("name", ORACLES_8X14X14)
def test_the_table_of_8x14x14_at_four_fifths(name):
    found = table_row(strategy_metrics(drawn(name), ("spatial_first", "temporal_first"), 1))
    for value, expected, tolerance in zip(found, ORACLES_8X14X14[name], TOLERANCES, strict=True):
        assert value == pytest.approx(expected, abs=tolerance)


def test_random_runs_and_gaps_are_those_of_chance():
    """Of single tokens left at share p, runs average 1/(1-p) and gaps 1/p tokens."""
    found = strategy_metrics(drawn("random"), ("spatial_first",), 1).scans["spatial_first"]
    assert found.figures["mean_run"].mean == pytest.approx(1 / 0.8, abs=0.01)
    assert found.figures["mean_gap"].mean == pytest.approx(1 / 0.2, abs=0.05)
    runs = torch.tensor(found.run_counts)
    torch.testing.assert_close(runs[1] / runs[0], torch.tensor(0.2), atol=0.01, rtol=0)


@pytest.mark.parametrize("published", PUBLISHED_NAMES)
def test_published_masks_have_the_figures_of_ours(published, golden_folder):
    """Three masks of the published code are not further from ours than chance takes them."""
    hidden = load_file(golden_folder / "masks.io.safetensors")[f"{published}.w8x14x14_r0.80"]
    theirs = hidden.view(-1, *GRID)
    ours = drawn(PUBLISHED_NAMES[published])
    for figure in (
        lambda mask: compacted_scan(mask, "spatial_first").mean_run,
        lambda mask: compacted_scan(mask, "temporal_first").mean_run,
        lambda mask: coverage(mask).frame_std,
        temporal_leakage,
    ):
        spread = torch.tensor([figure(mask) for mask in ours], dtype=torch.float64)
        for mask in theirs:
            assert abs(figure(mask) - spread.mean()) <= 5 * spread.std()


def test_a_strategy_gathers_what_single_draws_give():
    hidden = drawn("clip_row", draws=5)
    generator = torch.Generator().manual_seed(1)
    motion = torch.rand(8, 196, generator=generator)
    attribution = torch.randn(*GRID, generator=generator)
    found = strategy_metrics(
        hidden, ("temporal_first",), 3, conv_width=3, motion=motion, attribution=attribution
    )
    scans = [compacted_scan(mask, "temporal_first", conv_width=3) for mask in hidden]
    covers = [coverage(mask) for mask in hidden]
    by_order = found.scans["temporal_first"]
    assert by_order.figures == {
        name: mean_interval(getattr(scan, name) for scan in scans) for name in SCAN_FIGURES
    }
    assert sum(by_order.run_counts) == pytest.approx(sum(sum(s.run_counts) for s in scans) / 5)
    assert len(by_order.gap_counts) == max(len(scan.gap_counts) for scan in scans)
    assert found.figures == {
        **{name: mean_interval(getattr(c, name) for c in covers) for name in COVERAGE_FIGURES},
        "leakage": mean_interval(temporal_leakage(mask) for mask in hidden),
        "wide_leakage": mean_interval(temporal_leakage(mask, 2) for mask in hidden),
        "motion": mean_interval(visible_share(mask, motion) for mask in hidden),
        **{
            f"{sign}_mass": mean_interval(
                getattr(visible_mass(mask, attribution), sign) for mask in hidden
            )
            for sign in ("positive", "negative", "absolute")
        },
    }
    assert (found.draws, found.visible, found.real_ratio) == (5, 336, 1232 / 1568)
    assert sum(frame.mean for frame in found.by_frame) == pytest.approx(336)
    assert sum(map(sum, found.by_site)) * 8 == pytest.approx(336)


def test_a_figure_that_some_draw_lacks_is_that_of_the_others():
    """In one of the two draws no visible tokens are neighbours in time."""
    hidden = torch.tensor([[[[True, False]], [[True, False]]], [[[True, False]], [[False, True]]]])
    figures = strategy_metrics(hidden, ("spatial_first",), 1).scans["spatial_first"].figures
    assert figures["temporal_reach"] == Interval(1.0, None, None, 1)
    assert figures["spatial_reach"] is None
    assert (figures["temporal_in_reach"].mean, figures["mean_run"].mean) == (1 / 4, (1 + 2) / 2)


def test_intervals_are_those_of_students_t():
    values = [0.2, 0.5, 0.9, 0.4]
    found = mean_interval(values)
    mean = torch.tensor(values).mean().item()
    low, high = student_t.interval(
        0.95, 3, loc=mean, scale=torch.tensor(values).std().item() / 4**0.5
    )
    assert (found.mean, found.low, found.high) == pytest.approx((mean, low, high))
    assert mean_interval([0.5]) == Interval(0.5, None, None, 1)
    assert mean_interval([0.5, None]) == mean_interval([0.5])
    assert mean_interval([None]) is mean_interval([]) is None
    cut = mean_interval(values, within=(0.3, 0.6))
    assert (cut.mean, cut.low, cut.high) == (found.mean, 0.3, 0.6)


@pytest.mark.parametrize("held", [0, 3, 8])
def test_intervals_of_shares_are_wilsons(held):
    found = share_interval([True] * held + [False] * (8 - held))
    expected = binomtest(held, 8).proportion_ci(method="wilson")
    assert found.mean == held / 8
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-12)


@pytest.mark.parametrize(
    ("hidden", "scan_order", "message"),
    [
        (torch.zeros(2, 2, 2, dtype=torch.bool), "spatial_first", r"got \(2, 2, 2\)"),
        (torch.tensor([True, True, True, False]).view(2, 1, 1, 2), "spatial_first", "differ"),
        (torch.zeros(1, 2, 2, 2, dtype=torch.bool), "zigzag", "unknown scan order 'zigzag'"),
    ],
    ids=["shape", "counts", "order"],
)
def test_bad_input_is_one_sentence(hidden, scan_order, message):
    with pytest.raises(ValueError, match=message):
        strategy_metrics(hidden, (scan_order,), 1)
