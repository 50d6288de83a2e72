"""Runs, gaps and reach of masked scans: worked out by hand, and walked token by token."""

import itertools

import pytest
import torch

from analysis.masking.compacted_scan import compacted_scan, plan_scan, scan_shares
from analysis.ops.scan_order import SCAN_ORDERS, TOKEN_ORDERS, layer_scans, token_permutation

GRIDS = [(1, 1, 1), (1, 3, 4), (3, 1, 1), (2, 3, 3), (4, 2, 5)]


def mask_of(*frames):
    """Frames as rows of words: # hides, . shows."""
    return torch.tensor([[[token == "#" for token in row] for row in frame] for frame in frames])


def test_two_frames_by_hand():
    """Spatial-first reads ..# ### ##. ... : runs of 2 and 4. Its gaps are 1, 7, 1, 1, 1."""
    hidden = mask_of(["..#", "###"], ["##.", "..."])
    found = compacted_scan(hidden, "spatial_first", conv_width=3)
    assert found.run_counts == (0, 1, 0, 1)
    assert (found.mean_run, found.longest_run) == (3, 4)
    assert found.gap_counts == (4, 0, 0, 0, 0, 0, 1)
    assert (found.mean_gap, found.largest_gap) == (11 / 5, 7)
    assert found.scan_adjacency == 4 / 5
    # 0,0,0-0,0,1; then a jump; 1,0,2-1,1,0 is no grid neighbour; 1,1,0-1,1,1; 1,1,1-1,1,2.
    assert found.grid_adjacency == 3 / 5
    # Three pairs in rows (1 step), one in a column: 1,0,2 over 1,1,2, 3 steps before and after.
    assert found.spatial_pairs == 4
    assert (found.spatial_reach_before, found.spatial_reach) == (3 / 4, 3 / 4)
    assert found.spatial_in_reach == 3 / 6
    assert (found.temporal_pairs, found.temporal_reach, found.temporal_in_reach) == (0, None, 0)


def test_dropping_tokens_brings_frames_into_reach():
    """A tube leaves two tokens a frame: in time 4 scan steps apart before, 2 after."""
    hidden = mask_of(["..", "##"], ["..", "##"], ["..", "##"])
    found = compacted_scan(hidden, "spatial_first", conv_width=3)
    assert (found.temporal_pairs, found.temporal_reach_before, found.temporal_reach) == (4, 0, 1)
    assert found.run_counts == (0, 3)
    assert found.gap_counts == (3, 0, 2)
    across_time = compacted_scan(hidden, "temporal_first", conv_width=3)
    assert across_time.run_counts == (0, 0, 0, 0, 0, 1)
    assert across_time.temporal_reach_before == 1


def test_a_row_is_one_run_in_space_and_single_tokens_in_time():
    hidden = mask_of(["####", "....", "####"], ["####", "####", "...."])
    assert compacted_scan(hidden, "spatial_first").run_counts == (0, 0, 0, 2)
    assert compacted_scan(hidden, "temporal_first").run_counts == (8,)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("grid", GRIDS, ids=str)
@pytest.mark.parametrize("order", TOKEN_ORDERS)
def test_figures_match_a_walk_token_by_token(order, grid, seed):
    hidden = torch.rand(grid, generator=torch.Generator().manual_seed(seed)) < 0.25 * (seed + 1)
    path = [divmod(i, grid[1] * grid[2]) for i in token_permutation(order, *grid).tolist()]
    path = [(frame, *divmod(site, grid[2])) for frame, site in path]
    seen = [(place, token) for place, token in enumerate(path) if not hidden[token]]
    runs = [
        len(list(group))
        for shown, group in itertools.groupby(path, lambda token: not hidden[token])
        if shown
    ]
    gaps = [b[0] - a[0] for a, b in itertools.pairwise(seen)]
    together = [
        sum(abs(x - y) for x, y in zip(a[1], b[1], strict=True)) == 1
        for a, b in itertools.pairwise(seen)
    ]
    after = {token: rank for rank, (_, token) in enumerate(seen)}
    before = {token: place for place, token in seen}
    pairs = {"temporal": [], "spatial": []}
    for a, b, c in after:
        for kind, other in (
            ("temporal", (a + 1, b, c)),
            ("spatial", (a, b + 1, c)),
            ("spatial", (a, b, c + 1)),
        ):
            if other in after:
                pairs[kind].append(((a, b, c), other))

    def mean(values):
        return pytest.approx(sum(values) / len(values)) if values else None

    found = compacted_scan(hidden, order, conv_width=4)
    assert [(i + 1, n) for i, n in enumerate(found.run_counts) if n] == [
        (length, runs.count(length)) for length in sorted(set(runs))
    ]
    assert (found.mean_run, found.longest_run) == (mean(runs), max(runs, default=0))
    assert (found.mean_gap, found.largest_gap) == (mean(gaps), max(gaps, default=0))
    assert sum(found.gap_counts) == len(gaps)
    assert found.scan_adjacency == mean([gap == 1 for gap in gaps])
    assert found.grid_adjacency == mean(together)
    for kind, listed in pairs.items():
        assert getattr(found, f"{kind}_pairs") == len(listed)
        for name, position in (("reach", after), ("reach_before", before)):
            near = [abs(position[x] - position[y]) <= 3 for x, y in listed]
            assert getattr(found, f"{kind}_{name}") == mean(near)
        together = [abs(after[x] - after[y]) <= 3 for x, y in listed]
        per_token = pytest.approx(sum(together) / len(after)) if after else None
        assert getattr(found, f"{kind}_in_reach") == per_token


@pytest.mark.parametrize("order", TOKEN_ORDERS)
def test_without_a_mask_the_scan_is_as_it_was(order):
    found = compacted_scan(torch.zeros(3, 4, 5, dtype=torch.bool), order)
    assert (found.mean_run, found.longest_run, found.mean_gap) == (60, 60, 1)
    assert found.spatial_reach == found.spatial_reach_before
    assert found.temporal_reach == found.temporal_reach_before


def test_a_mask_that_hides_everything_leaves_nothing_to_measure():
    found = compacted_scan(torch.ones(2, 2, 2, dtype=torch.bool), "spatial_first")
    assert found.run_counts == found.gap_counts == ()
    assert (found.mean_run, found.mean_gap, found.grid_adjacency) == (None, None, None)
    assert (found.spatial_pairs, found.spatial_reach, found.longest_run) == (0, None, 0)


@pytest.mark.parametrize("scan_order", SCAN_ORDERS)
def test_shares_count_the_scans_of_a_plan(scan_order):
    """Against the outputs of the directions written out, an averaged order by its part."""
    parts = {}
    for layer in layer_scans(scan_order, 5):
        for direction in (layer.forward, layer.backward):
            for order in direction:
                parts.setdefault(order, []).append(1 / len(direction))
    shares = scan_shares(scan_order, 5)
    assert shares == {order: pytest.approx(sum(p) / 10) for order, p in parts.items()}
    assert sum(shares.values()) == pytest.approx(1)


def test_a_plan_averages_over_its_scans():
    """Two of five layers read rows, three read across time: 0.4 and 0.6."""
    hidden = mask_of(["####", "....", "####"], ["####", "####", "...."])
    scans = {
        name: compacted_scan(hidden, name, conv_width=2)
        for name in ("spatial_first", "temporal_first")
    }
    found = plan_scan(scans, scan_shares("half_spatial_half_temporal", 5))
    assert found.mean_run == pytest.approx(0.4 * 4 + 0.6 * 1)
    assert found.run_counts == pytest.approx((0.6 * 8, 0, 0, 0.4 * 2))
    assert (found.longest_run, found.largest_gap) == (4, 13)
    assert found.scan_adjacency == pytest.approx(0.4 * 6 / 7)
    assert found.spatial_reach == pytest.approx(
        0.4 * scans["spatial_first"].spatial_reach + 0.6 * scans["temporal_first"].spatial_reach
    )
    assert (found.temporal_pairs, found.temporal_reach) == (0, None)
    assert plan_scan(scans, scan_shares("temporal_first", 5)) == scans["temporal_first"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"hidden": torch.zeros(2, 2, 2)}, r"got \(2, 2, 2\) of torch.float32; leave CLS out"),
        ({"hidden": torch.zeros(9, dtype=torch.bool)}, r"got \(9,\)"),
        ({"hidden": torch.zeros(0, 2, 2, dtype=torch.bool)}, r"got \(0, 2, 2\)"),
        ({"token_order": "zigzag"}, "unknown token order 'zigzag'"),
        ({"conv_width": 0}, "at least 1, got 0"),
    ],
)
def test_bad_input_is_one_sentence(arguments, message):
    good = {"hidden": torch.zeros(2, 2, 2, dtype=torch.bool), "token_order": "spatial_first"}
    with pytest.raises(ValueError, match=message):
        compacted_scan(**good | arguments)
