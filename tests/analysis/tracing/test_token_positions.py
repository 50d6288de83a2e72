"""Sequence index to place on the grid and back, through every order."""

import pytest
import torch

from analysis.layers.token_grid import TokenGrid
from analysis.ops.scan_order import TOKEN_ORDERS
from analysis.tracing.token_positions import (
    frame_groups,
    on_grid,
    parse_token,
    scan_positions,
    token_coordinates,
    token_index,
    token_position,
)

GRID = TokenGrid(2, 3, 4)


def test_every_index_comes_back():
    assert token_position(GRID, 0) is None
    for index in range(1, GRID.length):
        assert token_index(GRID, *token_position(GRID, index)) == index


@pytest.mark.parametrize(
    ("text", "index"),
    [("cls", 0), (" CLS ", 0), ("0,0,0", 1), ("0, 1, 2", 1 + 4 + 2), ("1,2,3", 1 + 12 + 8 + 3)],
)
def test_tokens_in_words(text, index):
    assert parse_token(text, GRID) == index


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("2,0,0", "frame 2 is not on the token grid of 2 x 3 x 4; choose 0 to 1"),
        ("0,3,0", "row 3"),
        ("0,0,4", "column 4"),
        ("0,0", "frame,row,column"),
        ("-1,0,0", "frame,row,column"),
        ("head", "got 'head'"),
    ],
)
def test_tokens_that_are_none(text, sentence):
    with pytest.raises(ValueError, match=sentence):
        parse_token(text, GRID)


@pytest.mark.parametrize("index", [-1, GRID.length])
def test_indices_outside(index):
    with pytest.raises(ValueError, match="sequence of 25 tokens"):
        token_position(GRID, index)


def test_coordinates_groups_and_grid_agree():
    coordinates = token_coordinates(GRID)
    assert coordinates[0].tolist() == [-1, -1, -1]
    assert [tuple(row) for row in coordinates[1:].tolist()] == [
        token_position(GRID, index) for index in range(1, GRID.length)
    ]
    assert frame_groups(GRID).tolist() == [2] + [0] * 12 + [1] * 12
    values = on_grid(torch.arange(GRID.length), GRID)
    assert values.shape == (2, 3, 4)
    assert values[1, 2, 3] == token_index(GRID, 1, 2, 3)


@pytest.mark.parametrize("order", TOKEN_ORDERS)
def test_a_scan_reads_every_token_once_and_backward_from_the_end(order):
    forward = scan_positions(order, "forward", GRID)
    assert sorted(forward.tolist()) == list(range(GRID.length))
    assert forward[0] == 0
    assert scan_positions(order, "backward", GRID).tolist() == forward.tolist()[::-1]


def test_temporal_first_by_hand():
    """2 frames of 1 x 2: sites in turn, each through its frames."""
    grid = TokenGrid(2, 1, 2)
    assert scan_positions("temporal_first", "forward", grid).tolist() == [0, 1, 3, 2, 4]
    assert scan_positions("temporal_first", "backward", grid).tolist() == [4, 2, 3, 1, 0]
