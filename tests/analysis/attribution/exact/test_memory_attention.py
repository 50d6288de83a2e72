"""Hidden attention with memory: it adds up to the output, and shows what memory reaches."""

import pytest
import torch

from analysis.attribution.exact.memory_attention import (
    forgetting_curve,
    hidden_attention_with_memory,
    memory_matrix,
)
from analysis.attribution.exact.rows import hidden_attention_row
from analysis.layers.adaptor_config import AdaptorConfig
from analysis.layers.adaptor_t import AdaptorT
from analysis.layers.token_grid import ClassFreeGrid, TokenGrid
from analysis.models import create_model
from analysis.models.mamba_adaptor import scan_layers
from analysis.ops.scan_states import ScanInputs
from analysis.tracing.recorder import recorder

F64 = torch.float64
GRID = TokenGrid(1, 2, 3)
WAYS = pytest.mark.parametrize("reverse", [False, True], ids=["forward", "backward"])


def random_scan(reverse=False, dtype=F64, length=7, states=3):
    generator = torch.Generator().manual_seed(0)

    def normal(*shape):
        return torch.randn(*shape, generator=generator, dtype=F64).to(dtype)

    rates = torch.rand(4, states, generator=generator, dtype=F64).to(dtype)
    tokens = [normal(2, 4, length) for _ in range(2)]
    choices = [normal(2, states, length) for _ in range(2)]
    return ScanInputs(*tokens, -rates, *choices, normal(4), normal(4), reverse)


def adaptor(dtype=F64, **fields):
    config = AdaptorConfig(memory_sequences=2, memory_locations=2, usage="backbone", **fields)
    made = AdaptorT(4, config).to(dtype)
    generator = torch.Generator().manual_seed(1)
    for parameter in made.parameters():
        moved = torch.randn(parameter.shape, generator=generator, dtype=F64)
        parameter.data += 0.7 * moved.to(dtype)
    return made


def output_of(alpha, scan):
    return torch.einsum("beis,bes->bei", alpha, scan.u) + scan.D[:, None] * scan.u


@WAYS
@pytest.mark.parametrize(
    ("dtype", "atol"), [(F64, 1e-10), (torch.float32, 1e-5)], ids=["f64", "f32"]
)
@pytest.mark.parametrize(
    "fields", [{}, {"memory_range": "past"}, {"locations": "grid"}], ids=["all", "past", "grid"]
)
def test_attention_adds_up_to_the_output(fields, dtype, atol, reverse):
    """einsum(alpha', u) + D u == y' (Mamba-Adaptor specification, section 3.3)."""
    scan, made = random_scan(reverse, dtype), adaptor(dtype, **fields)
    alpha = hidden_attention_with_memory(scan, made, GRID)
    with torch.no_grad():
        expected = made(scan, GRID)
    torch.testing.assert_close(output_of(alpha, scan), expected, rtol=1e-5, atol=atol)


@WAYS
def test_without_memory_it_is_hidden_attention(reverse):
    scan = random_scan(reverse)
    alpha = hidden_attention_with_memory(scan, None, GRID)
    torch.testing.assert_close(output_of(alpha, scan), scan.output(), rtol=0, atol=1e-12)
    ahead = alpha.tril(-1) if reverse else alpha.triu(1)
    assert not ahead.any()


def test_rows_of_a_traced_layer_are_those_without_memory():
    """Against the closed form that all other attributions use."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = create_model("videomamba_debug", depth=1, image_size=8).double().eval()
    clip = torch.randn(1, 3, 4, 8, 8, generator=torch.Generator().manual_seed(0), dtype=F64)
    with recorder(model) as recording, torch.inference_mode():
        model(clip)
        layer = recording.take().layer(0)
    (mixer,) = scan_layers(model)
    with torch.no_grad():
        inner, _ = mixer.in_proj(layer.tokens[None]).chunk(2, dim=-1)
        for suffix, scan in zip(("", "_b"), layer.scans, strict=True):
            alpha = hidden_attention_with_memory(
                mixer.scan_inputs(inner, suffix), None, model.token_grid
            )[0]
            for step in (0, 5, len(scan.positions) - 1):
                token = scan.positions[step]
                read = scan.positions[: step + 1]
                torch.testing.assert_close(
                    alpha[:, token, read], hidden_attention_row(scan, step).T, rtol=0, atol=1e-9
                )


@WAYS
def test_sources_ahead_count_only_where_memory_lies_ahead(reverse):
    """alpha'[i, s] with s ahead of i is not zero only where i reads a place beyond itself."""
    scan, made = random_scan(reverse), adaptor()
    # The first sequence looks at the first half of the steps, the second anywhere.
    made.place_weight.data[:2] = 0
    made.anchors.data[0] = torch.tensor([-3.0, 0.0])
    alpha = hidden_attention_with_memory(scan, made, GRID)
    matrix = memory_matrix(scan, made, GRID)
    if reverse:
        alpha, matrix = alpha.flip(2, 3), matrix.flip(2, 3)
    for i in range(7):
        for s in range(7):
            reached = (matrix[:, :, i, max(s, i + 1) :] != 0).any(-1)
            if s > i:
                group = reached[:, [0, 0, 1, 1]]
                assert torch.equal(alpha[:, :, i, s] != 0, group)
    first = alpha[:, :2]
    assert not first[:, :, 4:].triu(5).any()
    assert first.triu(1).any()


def test_past_memory_gives_no_weight_to_the_future():
    alpha = hidden_attention_with_memory(random_scan(), adaptor(memory_range="past"), GRID)
    assert not alpha.triu(1).any()


def test_memory_rows_sum_to_one():
    grid = ClassFreeGrid(1, 1, 7)
    for fields in ({}, {"locations": "grid"}):
        matrix = memory_matrix(random_scan(), adaptor(**fields), grid)
        torch.testing.assert_close(matrix.sum(-1), torch.ones(2, 2, 7, dtype=F64))


def test_forgetting_curve_by_hand():
    alpha = torch.tensor([[[1.0, 0, 0], [-2, 4, 6], [3, -8, 1]]])
    distances, means = forgetting_curve(alpha)
    assert distances.tolist() == [-2, -1, 0, 1, 2]
    assert means.tolist() == [0, 3, 2, 5, 3]


def test_large_sizes_are_refused_in_one_sentence():
    with pytest.raises(ValueError, match="more than the budget of 1000; choose fewer tokens"):
        hidden_attention_with_memory(random_scan(), adaptor(), GRID, budget_bytes=1000)
