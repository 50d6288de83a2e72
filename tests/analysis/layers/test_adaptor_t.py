"""Adaptor-T against its definition in plain loops, and what its parts promise."""

import math
from dataclasses import replace
from itertools import product

import pytest
import torch
import torch.nn.functional as F

from analysis.layers.adaptor_config import AdaptorConfig
from analysis.layers.adaptor_t import AdaptorT
from analysis.layers.token_grid import ClassFreeGrid, MiddleClassGrid, TokenGrid

F64 = torch.float64
GRID = TokenGrid(2, 2, 3)
SMALL = {"memory_sequences": 2, "memory_locations": 3}
WAYS = pytest.mark.parametrize("reverse", [False, True], ids=["forward", "backward"])


@pytest.fixture(autouse=True, scope="module")
def small_tensors(one_thread):
    """All tests here run in one thread."""


def adaptor(channels=8, *, disturbed=True, **fields):
    """An Adaptor-T in float64, every parameter of it moved at random."""
    made = AdaptorT(channels, AdaptorConfig(**{**SMALL, **fields})).to(F64)
    generator = torch.Generator().manual_seed(1)
    for parameter in made.parameters() if disturbed else ():
        parameter.data += 0.7 * torch.randn(parameter.shape, generator=generator, dtype=F64)
    return made


def states_in_reading_order(scan):
    """(L, E, N) of the first clip, by the recurrence, in the order of reading."""
    step = F.softplus(scan.delta + scan.delta_bias[:, None])[0]
    state, states = torch.zeros_like(scan.A), []
    length = step.shape[1]
    for i in reversed(range(length)) if scan.reverse else range(length):
        dt = step[:, i, None]
        state = torch.exp(dt * scan.A) * state + dt * scan.B[0, :, i] * scan.u[0, :, i, None]
        states.append(state)
    return torch.stack(states)


def plain_memory(states, made, place_of):
    """mem (L, E, N) for states in reading order; `place_of(i, s, offset)` is {step: weight}."""
    config, (length, channels, _) = made.config, states.shape
    S, K = config.memory_sequences, config.memory_locations
    memory = torch.zeros_like(states)
    for i, s in product(range(length), range(S)):
        z = states[i].mean(-1)
        rows = range(s * K, (s + 1) * K)
        if config.coefficients == "uniform":
            c = torch.full((K,), 1 / K, dtype=F64)
        else:
            c = torch.stack(
                [made.coefficient_weight[r] @ z + made.coefficient_bias[r] for r in rows]
            )
            c = c.softmax(0)
        group = slice(s * channels // S, (s + 1) * channels // S)
        for k in range(K):
            offset = made.anchors[s, k]
            if config.selection == "predicted":
                width = offset.numel()
                first = (s * K + k) * width
                offset = offset + (made.place_weight[first : first + width] @ z).view_as(offset)
            for step, weight in place_of(i, s, offset).items():
                memory[i, group] += c[k] * weight * states[step, group]
    return memory


@torch.no_grad()
def plain_output(scan, made, place_of):
    """y' (E, L) of the first clip, tokens where they stand."""
    states = states_in_reading_order(scan)
    enriched = states + made.gamma[:, None] * plain_memory(states, made, place_of)
    order = reversed(range(len(states))) if scan.reverse else range(len(states))
    y = torch.zeros_like(scan.u[0])
    for step, token in enumerate(order):
        y[:, token] = enriched[step] @ scan.C[0, :, token] + scan.D * scan.u[0, :, token]
    return y


def along_the_sequence(length, past=False):
    def place_of(i, s, offset):
        p = (i if past else length - 1) * torch.sigmoid(offset)
        lower = max(min(math.floor(p), length - 2), 0)
        share = p - lower
        return {lower: 1 - share, min(lower + 1, length - 1): share} if length > 1 else {0: 1}

    return place_of


SWITCHES = {
    "predicted": {},
    "learned": {"selection": "learned"},
    "static": {"selection": "static"},
    "uniform": {"coefficients": "uniform"},
    "one": {"memory_sequences": 1, "memory_locations": 1},
    "eight_places": {"memory_sequences": 8, "memory_locations": 8},
    "past": {"memory_range": "past"},
}


@WAYS
@pytest.mark.parametrize("length", [1, 2, 6])
@pytest.mark.parametrize("switch", SWITCHES)
def test_output_equals_the_definition(make_scan, switch, length, reverse):
    """Section 3.1, equation by equation, for every switch of section 8."""
    made, scan = adaptor(**SWITCHES[switch]), make_scan(length, reverse=reverse)
    found = made(scan, GRID)[0]
    expected = plain_output(scan, made, along_the_sequence(length, switch == "past"))
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)


@WAYS
@pytest.mark.parametrize("training", [True, False], ids=["training", "inference"])
@pytest.mark.parametrize("switch", SWITCHES)
def test_float32_equals_float64(make_scan, switch, training, reverse):
    made = adaptor(**SWITCHES[switch])
    with torch.set_grad_enabled(training):
        expected = made(make_scan(9, reverse=reverse), GRID)
        found = made.float()(make_scan(9, reverse=reverse, dtype=torch.float32), GRID)
    torch.testing.assert_close(found.double(), expected, rtol=0, atol=1e-4)


def test_half_precision_reads_the_same_places(make_scan):
    made, scan = adaptor(selection="learned"), make_scan(400, batch=1)
    with torch.no_grad():
        expected = made.select(scan.mean_state().transpose(1, 2), False, GRID).positions
        half = made.bfloat16()
        half_scan = make_scan(400, batch=1, dtype=torch.bfloat16)
        found = half.select(half_scan.mean_state().transpose(1, 2), False, GRID).positions
        assert half(half_scan, GRID).isfinite().all()
    # Only the anchors are rounded, to 8 bits; places as such would be too, to steps of 2.
    torch.testing.assert_close(found.double(), expected, rtol=0.02, atol=0)
    assert found.dtype == torch.float32


@WAYS
def test_gamma_zero_is_the_scan_itself(make_scan, reverse):
    made, scan = adaptor().float(), make_scan(7, reverse=reverse, dtype=torch.float32)
    made.gamma.data.zero_()
    torch.testing.assert_close(made(scan, GRID), scan.output(), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("fields", [{}, {"memory_sequences": 4, "memory_locations": 4}])
def test_places_and_coefficients_at_the_start(fields):
    """Section 3.1: anchors tile the sequence, whatever the input; coefficients are all 1/K."""
    made = adaptor(disturbed=False, **fields)
    S, K = made.sequences, made.places
    mean = torch.randn(2, 11, 8, generator=torch.Generator().manual_seed(2), dtype=F64)
    chosen = made.select(mean, False, GRID)
    for s, k in product(range(S), range(K)):
        expected = torch.full((2, 11), 10 * (k * S + s + 0.5) / (S * K), dtype=F64)
        # Anchors are made in single precision.
        torch.testing.assert_close(chosen.positions[:, :, s, k], expected, rtol=1e-6, atol=1e-6)
    assert torch.equal(chosen.coefficients, torch.full_like(chosen.coefficients, 1 / K))


@pytest.mark.parametrize("switch", ["learned", "static", "uniform"])
def test_simpler_selections_agree_with_the_predicted_one_at_the_start(make_scan, switch):
    scan = make_scan(9)
    plain, simpler = (
        adaptor(disturbed=False, usage="backbone", **fields) for fields in ({}, SWITCHES[switch])
    )
    assert torch.equal(plain(scan, GRID), simpler(scan, GRID))
    assert sum(p.numel() for p in simpler.parameters()) < sum(p.numel() for p in plain.parameters())


def test_coefficients_sum_to_one_and_places_stay_in_range():
    made = adaptor()
    mean = 100 * torch.randn(3, 12, 8, generator=torch.Generator().manual_seed(3), dtype=F64)
    chosen = made.select(mean, False, GRID)
    torch.testing.assert_close(
        chosen.coefficients.sum(-1), torch.ones(3, 12, 2, dtype=F64), rtol=0, atol=1e-12
    )
    assert chosen.positions.min() >= 0
    assert chosen.positions.max() <= 11
    assert chosen.index.min() >= 0
    assert chosen.index.max() <= 11
    torch.testing.assert_close(
        chosen.weights.sum(-1), torch.ones(3, 12, 2, dtype=F64), rtol=0, atol=1e-12
    )


def gradients(made, scan):
    made.zero_grad()
    made(scan, GRID).square().sum().backward()
    return {name for name, p in made.named_parameters() if p.grad.abs().max() > 0}


def test_gradients_at_the_start_and_after_a_step(make_scan):
    scan = make_scan(6)
    everything = {"anchors", "place_weight", "coefficient_weight", "coefficient_bias", "gamma"}
    booster = adaptor(disturbed=False)
    assert gradients(booster, scan) == {"gamma"}
    torch.optim.SGD(booster.parameters(), lr=0.01).step()
    assert gradients(booster, scan) == everything
    assert gradients(adaptor(disturbed=False, usage="backbone"), scan) == everything


def changed_outputs(scan, made, token):
    """Which outputs (L,) of the first clip a change of one token's input changes."""
    other = scan.u.clone()
    other[:, :, token] += 1
    run = scan.output if made is None else lambda: made(scan, GRID)
    elsewhere = replace(scan, u=other)
    moved = elsewhere.output() if made is None else made(elsewhere, GRID)
    return (moved - run())[0].abs().amax(0) > 1e-9


def test_memory_ahead_reaches_back(make_scan):
    """With all anchors at the end the last token changes every output; without, only its own."""
    made, scan = adaptor(disturbed=False, usage="backbone"), make_scan(7)
    made.anchors.data.fill_(20.0)
    assert changed_outputs(scan, made, -1).all()
    assert changed_outputs(scan, None, -1).tolist() == [False] * 6 + [True]


@WAYS
def test_past_memory_is_causal(make_scan, reverse):
    """No output depends on what is read later, wherever the predictor wants to look."""
    made, scan = adaptor(memory_range="past"), make_scan(7, reverse=reverse)
    made.anchors.data += 5
    for token in range(7):
        earlier = range(token + 1, 7) if reverse else range(token)
        changed = changed_outputs(scan, made, token)
        assert not changed[list(earlier)].any()
        assert changed[token]


def test_equal_states_are_their_own_memory(make_scan):
    """hid_j equal for all j gives mem = hid, so hid' = (1 + gamma) hid."""
    scan = make_scan(6, states=1)
    # Nothing is forgotten (A = 0) and all input comes first: states are equal from then on.
    u = torch.zeros_like(scan.u)
    u[:, :, 0] = scan.u[:, :, 0]
    scan = replace(scan, u=u, A=torch.zeros_like(scan.A), D=torch.zeros_like(scan.D))
    made = adaptor()
    expected = (1 + made.gamma[:, None]) * scan.output()
    torch.testing.assert_close(made(scan, GRID), expected, rtol=1e-10, atol=1e-10)


def test_work_is_linear_in_the_tokens():
    """Predictors of 2 E S K L products (section 3.1), and as many reads for every token."""
    from torch.utils.flop_counter import FlopCounterMode

    made = adaptor()
    for length in (10, 20, 40):
        mean = torch.zeros(1, length, 8, dtype=F64)
        with FlopCounterMode(display=False) as counter:
            chosen = made.select(mean, False, GRID)
        assert counter.get_total_flops() == 2 * (2 * 8 * 2 * 3 * length)
        assert chosen.index.shape == (1, length, 2, 2 * 3)


GRIDS = {
    "no_cls": (ClassFreeGrid(1, 3, 4), None),
    "columns": (ClassFreeGrid(1, 3, 4), "column_first"),
    "cls": (TokenGrid(1, 3, 4), None),
    "cls_in_the_middle": (MiddleClassGrid(1, 3, 4), "spatial_first"),
    "video": (TokenGrid(2, 2, 3), "temporal_first"),
}


@WAYS
@pytest.mark.parametrize("case", GRIDS)
def test_grid_places_equal_the_definition(make_scan, case, reverse):
    """Section 3.4, with rows and columns counted by hand; within a token's own frame."""
    grid, order = GRIDS[case]
    read, back = grid.sequence(order or "spatial_first")
    made = adaptor(locations="grid")
    scan = make_scan(grid.length, reverse=reverse)
    tokens = read.flip(0).tolist() if reverse else read.tolist()

    def place_of(i, s, offset):
        number = tokens[i] - grid.class_tokens
        if number < 0:
            return {}
        row, column = number // grid.w % grid.h, number % grid.w
        moved = torch.tensor([row, column]) + 2 ** (s + 1) * torch.tanh(offset)
        at = moved.minimum(torch.tensor([grid.h - 1, grid.w - 1])).clamp(min=0)
        first = grid.class_tokens + number // (grid.h * grid.w) * grid.h * grid.w
        return {
            # A tent over every site: bilinear sampling without its floor.
            tokens.index(first + r * grid.w + c): ((1 - abs(at[0] - r)).clamp(min=0))
            * (1 - abs(at[1] - c)).clamp(min=0)
            for r, c in product(range(grid.h), range(grid.w))
        }

    found = made(scan, grid, back if order else None)[0]
    expected = plain_output(scan, made, place_of)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)


def test_grid_places_start_on_circles():
    """K points evenly on a circle of half a sequence's reach of 2 ** (s + 1) tokens."""
    made = adaptor(disturbed=False, locations="grid", memory_locations=4)
    grid = ClassFreeGrid(1, 9, 9)
    chosen = made.select(torch.zeros(1, 81, 8, dtype=F64), False, grid)
    middle = 4 * 9 + 4
    for s, radius in enumerate((1, 2)):
        apart = chosen.positions[0, middle, s] - torch.tensor([4.0, 4.0], dtype=F64)
        expected = radius * torch.tensor([[0, 1], [1, 0], [0, -1], [-1, 0]], dtype=F64)
        torch.testing.assert_close(apart, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("fields", "channels", "message"),
    [
        ({"memory_sequences": 3}, 8, "8 channels can't be shared among 3"),
        ({"selection": "guessed"}, 8, "choose predicted or learned or static"),
        ({"memory_locations": 0}, 8, "at least 1 each"),
        ({"locations": "grid", "memory_range": "past"}, 8, "no past"),
    ],
)
def test_impossible_adaptors_are_one_sentence(fields, channels, message):
    with pytest.raises(ValueError, match=message):
        adaptor(channels, **fields)
