"""What adaptors add to a layer: it is the model's own arithmetic, and nothing at strength 0."""

from contextlib import suppress
from dataclasses import replace

import pytest
import torch

from analysis.adaptation.adapted_layer import adapted_layer
from analysis.adaptation.adaptor_share import adaptor_share
from analysis.adaptation.adaptor_strength import adaptors_at
from analysis.adaptation.memory_places import memory_places
from analysis.models.mamba_adaptor import scan_layers


@pytest.fixture(autouse=True, scope="module")
def small_tensors(one_thread):
    """All tests here run in one thread."""


VARIANTS = pytest.mark.parametrize(
    "fields",
    [
        {},
        {"memory_range": "past"},
        {"locations": "grid"},
        {"adaptor_t": False},
        {"adaptor_s": False},
        {"scan_order": "spatiotemporal_v1"},
    ],
    ids=lambda fields: " ".join(map(str, fields.values())) or "all",
)


@VARIANTS
def test_a_layer_explains_the_output_of_its_mixer(adapted, recorded, fields):
    """Wo (SiLU(z) * what the gate is given) is what the model's own pass gave out."""
    model = adapted(**fields)
    for record in recorded(model).records:
        layer, mixer = adapted_layer(record), record.mixer
        with torch.no_grad():
            gate = torch.nn.functional.silu(mixer.in_proj(record.tokens)[:, mixer.inner_width :])
            output = mixer.out_proj(gate * layer.with_surroundings)
        torch.testing.assert_close(output, record.output, rtol=0, atol=1e-10)
        for scan in layer.scans:
            with torch.no_grad():
                plain = scan.scan.output()[0].T[scan.back]
            torch.testing.assert_close(scan.plain, plain, rtol=0, atol=1e-12)


def test_at_strength_zero_the_host_answers_bit_for_bit(adapted, recorded, adapted_clip):
    model = adapted()
    with adaptors_at(model, 0), torch.no_grad():
        found = model(adapted_clip[None])
        layers = [adapted_layer(record) for record in recorded(model).records]
    with adaptors_at(model, memory=False, convolutions=False), torch.no_grad():
        host = model(adapted_clip[None])
    with torch.no_grad():
        assert not torch.equal(model(adapted_clip[None]), host)
    assert torch.equal(found, host)
    for layer in layers:
        assert torch.equal(layer.plain, layer.with_memory)
        assert torch.equal(layer.plain, layer.with_surroundings)
        assert not any(part.any() for part in vars(adaptor_share(layer)).values())


def test_adaptors_are_left_as_they_were(adapted):
    model = adapted(share="all")
    modules = [(layer.adaptor_t, layer.adaptor_s) for layer in scan_layers(model)]
    tensors = [parameter.data_ptr() for parameter in model.parameters()]
    state = {name: value.clone() for name, value in model.state_dict().items()}
    with suppress(KeyError), adaptors_at(model, 0.3, memory=False):
        assert all(layer.adaptor_t is None for layer in scan_layers(model))
        raise KeyError
    assert modules == [(layer.adaptor_t, layer.adaptor_s) for layer in scan_layers(model)]
    assert tensors == [parameter.data_ptr() for parameter in model.parameters()]
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())


def test_strength_scales_what_is_added(adapted, recorded):
    """With the same states the memory's share grows with gamma alone."""
    model = adapted()
    (record, *_) = recorded(model).records
    with adaptors_at(model, 0.25):
        quarter = adaptor_share(adapted_layer(record))
    whole = adaptor_share(adapted_layer(record))
    torch.testing.assert_close(4 * quarter.memory, whole.memory)


def states_by_hand(scan):
    """h (L, E, N) after each token, by the recurrence."""
    u, delta = scan.u[0], scan.delta[0] + scan.delta_bias[:, None]
    steps = torch.nn.functional.softplus(delta)
    states = torch.zeros(u.shape[1], *scan.A.shape, dtype=u.dtype)
    state = torch.zeros_like(states[0])
    order = range(u.shape[1])
    for i in reversed(order) if scan.reverse else order:
        written = (steps[:, i] * u[:, i])[:, None] * scan.B[0, :, i]
        state = torch.exp(steps[:, i, None] * scan.A) * state + written
        states[i] = state
    return states


@pytest.mark.parametrize(
    "fields",
    [{}, {"memory_range": "past"}, {"share_directions": False}],
    ids=["all", "past", "own_directions"],
)
def test_places_give_the_output_by_hand(adapted, recorded, fields):
    """y' - y is gamma C_i times the states at the listed places, read between two steps."""
    layer = adapted_layer(recorded(adapted(**fields)).records[1])
    for token in (0, 5, 16):
        places = memory_places(layer, token)
        for scan in layer.scans:
            states, gamma = states_by_hand(scan.scan), scan.adaptor.gamma.detach()
            if scan.scan.reverse:
                states = states.flip(0)
            at = int(scan.back[token])
            memory = torch.zeros_like(states[0])
            group = len(memory) // 2
            for place in places:
                if place.direction != scan.direction:
                    continue
                position = int(scan.steps[at]) + place.offset
                low = min(int(position + 1e-9), len(states) - 2)
                share = position - low
                read = (1 - share) * states[low] + share * states[low + 1]
                channels = slice(place.sequence * group, (place.sequence + 1) * group)
                memory[channels] += place.coefficient * read[channels]
            added = gamma * (memory @ scan.scan.C[0, :, at])
            found = scan.enriched[token] - scan.plain[token]
            torch.testing.assert_close(found, added, rtol=1e-6, atol=1e-9)


def test_a_layer_without_adaptors_has_no_places(adapted, recorded):
    layer = adapted_layer(recorded(adapted(adaptor_t=False, adaptor_s=False)).records[0])
    assert not layer.has_memory
    assert memory_places(layer, 3) == ()
    assert torch.equal(layer.plain, layer.with_surroundings)


def test_shares_by_hand(adapted, recorded):
    layer = adapted_layer(recorded(adapted()).records[0])
    plain = torch.zeros_like(layer.plain)
    plain[:, 0] = 2.0
    memory = plain.clone()
    memory[:, 1] = 1.0
    share = adaptor_share(
        replace(layer, plain=plain, with_memory=memory, with_surroundings=3 * plain)
    )
    assert share.memory.tolist() == [0.5] * len(plain)
    assert share.both.tolist() == [2.0] * len(plain)
    torch.testing.assert_close(share.convolutions, torch.full_like(share.memory, 17**0.5 / 2))
