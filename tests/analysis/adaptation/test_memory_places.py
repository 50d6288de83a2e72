"""Places that tokens read: where they start, what a histogram counts, what entropy means."""

from dataclasses import replace

import pytest
import torch

from analysis.adaptation.adapted_layer import adapted_layer
from analysis.adaptation.memory_places import (
    coefficient_entropy,
    memory_places,
    offset_histogram,
)

LENGTH, PATCHES = 17, 16


@pytest.fixture(autouse=True, scope="module")
def small_tensors(one_thread):
    """All tests here run in one thread."""


@pytest.fixture
def layer(adapted, recorded):
    return lambda number=1, **fields: adapted_layer(recorded(adapted(**fields)).records[number])


def test_static_places_tile_the_scan(layer):
    """(L - 1)(k S + s + 1/2) / (S K) for every token and both ways (specification, 3.1)."""
    found = layer(selection="static", coefficients="uniform")
    for token, steps in ((0, (0, 16)), (4, (4, 12))):
        places = memory_places(found, token)
        assert len(places) == 2 * 4
        for number, place in enumerate(places):
            s, k = divmod(number % 4, 2)
            position = (LENGTH - 1) * (k * 2 + s + 0.5) / 4
            backward = place.direction == "backward"
            assert place.sequence == s and place.coefficient == 0.5
            assert place.offset == pytest.approx(position - steps[backward], abs=1e-5)
            # The backward scan reads the last token first.
            nearest = LENGTH - 1 - position if backward else position
            assert place.token == pytest.approx(nearest, abs=0.5 + 1e-5)


def test_the_histogram_counts_every_place_once(layer):
    found = layer()
    histogram = offset_histogram(found, bins=7)
    offsets = [place.offset for token in range(LENGTH) for place in memory_places(found, token)]
    assert len(offsets) == LENGTH * 2 * 2 * 2 == int(histogram.counts.sum())
    assert histogram.edges[0] == -16 and histogram.edges[-1] == 16
    for low, high, count in zip(
        histogram.edges[:-1], histogram.edges[1:], histogram.counts, strict=True
    ):
        last = high == 16
        assert count == sum(low <= x < high or (last and x == high) for x in offsets)
    assert histogram.ahead_share == sum(x > 0 for x in offsets) / len(offsets)
    assert 0 < histogram.ahead_share < 1


def test_past_memory_lies_behind(layer):
    found = layer(memory_range="past")
    assert offset_histogram(found).ahead_share == 0
    assert all(place.offset <= 0 for place in memory_places(found, 9))


def test_grid_places_stay_in_the_frame_and_cls_reads_nothing(layer):
    found = layer(locations="grid")
    assert memory_places(found, 0) == ()
    for token in (1, 7, 16):
        frame = (token - 1) // 4
        read = [place.token for place in memory_places(found, token)]
        assert len(read) == 8 and {(one - 1) // 4 for one in read} == {frame}
    assert int(offset_histogram(found).counts.sum()) == PATCHES * 2 * 2 * 2


def test_entropy_of_equal_single_and_known_coefficients(layer):
    torch.testing.assert_close(
        coefficient_entropy(layer(coefficients="uniform")), torch.ones(2, dtype=torch.float64)
    )
    assert not coefficient_entropy(layer(memory_locations=1)).any()
    found = layer()
    quarter = torch.tensor([0.25, 0.75], dtype=torch.float64)
    scans = tuple(
        replace(
            scan,
            chosen=replace(scan.chosen, coefficients=quarter.expand_as(scan.chosen.coefficients)),
        )
        for scan in found.scans
    )
    # -(1/4 log2 1/4 + 3/4 log2 3/4) bits of one possible.
    torch.testing.assert_close(
        coefficient_entropy(replace(found, scans=scans)),
        torch.full((2,), 0.8112781244591328, dtype=torch.float64),
    )


def test_a_layer_without_memory_has_no_statistics(layer):
    with pytest.raises(ValueError, match="layer 1 has no memory"):
        offset_histogram(layer(adaptor_t=False))
