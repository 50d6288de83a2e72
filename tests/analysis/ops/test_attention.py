"""Attention against its definition, written pair by pair, and one kernel against the other."""

import math

import pytest
import torch

from analysis.ops.attention import ATTENTION_KERNELS, attention


def random_qkv(*shape, **options):
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(shape, generator=generator, **options) for _ in range(3)]


@pytest.mark.parametrize("kernel", ATTENTION_KERNELS)
def test_definition_token_by_token(kernel):
    q, k, v = random_qkv(1, 1, 4, 3, dtype=torch.float64)
    found = attention(q, k, v, kernel=kernel)[0, 0]
    for row in range(4):
        shares = [math.exp(float(q[0, 0, row] @ k[0, 0, i]) / math.sqrt(3)) for i in range(4)]
        expected = sum(share * v[0, 0, i] for i, share in enumerate(shares)) / sum(shares)
        torch.testing.assert_close(found[row], expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("shape", [(2, 3, 17, 8), (1, 12, 197, 64), (5, 1, 1, 4)], ids=str)
def test_kernels_agree(shape):
    inputs = random_qkv(*shape, requires_grad=True)
    weight = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    results = []
    for kernel in ATTENTION_KERNELS:
        out = attention(*inputs, kernel=kernel)
        results.append((out, *torch.autograd.grad((out * weight).sum(), inputs)))
    for plain, fused in zip(*results, strict=True):
        torch.testing.assert_close(plain, fused, rtol=1e-4, atol=1e-5)


def test_only_the_plain_product_keeps_the_scores():
    """What the kernels differ in: the plain one stores (B, heads, L, L) for the backward pass."""
    kept = {}
    for kernel in ATTENTION_KERNELS:
        shapes = []
        hooks = torch.autograd.graph.saved_tensors_hooks(
            lambda tensor, shapes=shapes: shapes.append(tuple(tensor.shape)) or tensor,
            lambda tensor: tensor,
        )
        with hooks:
            attention(*random_qkv(1, 2, 50, 8, requires_grad=True), kernel=kernel)
        kept[kernel] = any(shape[-2:] == (50, 50) for shape in shapes)
    assert kept == {"softmax": True, "sdpa": False}


@pytest.mark.parametrize("kernel", ATTENTION_KERNELS)
def test_masked_keys_are_not_there(kernel):
    q, k, v = random_qkv(2, 3, 5, 4, dtype=torch.float64)
    mask = torch.zeros(5, 5, dtype=torch.bool)
    mask[:, 1] = mask[2, 4] = True
    found = attention(q, k, v, kernel=kernel, mask=mask)
    left = [0, 2, 3, 4]
    expected = attention(q, k[:, :, left], v[:, :, left], kernel=kernel)
    fewer = attention(q[:, :, 2:3], k[:, :, left[:3]], v[:, :, left[:3]], kernel=kernel)
    torch.testing.assert_close(found[:, :, [0, 1, 3, 4]], expected[:, :, [0, 1, 3, 4]])
    torch.testing.assert_close(found[:, :, 2:3], fewer)


def test_unknown_kernels_are_one_sentence():
    with pytest.raises(
        ValueError, match="unknown attention kernel 'flash'; choose softmax or sdpa"
    ):
        attention(*random_qkv(1, 1, 2, 2), kernel="flash")
