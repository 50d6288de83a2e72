"""Comparing scan orders: what each result says, and the model's own order kept whatever happens."""

from dataclasses import FrozenInstanceError
from itertools import islice

import pytest
import torch

from analysis.ops.scan_order import SCAN_ORDERS
from analysis.scan_comparison.compare import CAUTIONS, compare_scans
from analysis.scan_comparison.divergence import jensen_shannon_bits, rank_agreement


def answer(loaded, sampled, order):
    """The class probabilities in an order, by hand."""
    own = loaded.model.scan_order
    loaded.model.set_scan_order(order)
    with torch.no_grad():
        probabilities = loaded.model(sampled.clip[None])[0].softmax(-1)
    loaded.model.set_scan_order(own)
    return probabilities


def test_one_result_per_order_with_the_models_own_answer(loaded_debug, sampled):
    loaded = loaded_debug()
    results = list(compare_scans(loaded, sampled, repeats=1))
    assert [result.scan_order for result in results] == list(SCAN_ORDERS)
    trained = answer(loaded, sampled, "spatial_first")
    for result in results:
        own = answer(loaded, sampled, result.scan_order)
        given = {entry.label: entry.probability for entry in result.predictions}
        for label, probability in zip(loaded.labels, own.tolist(), strict=True):
            assert given[label] == pytest.approx(probability, rel=1e-4)
        ranked = [entry.probability for entry in result.predictions]
        assert ranked == sorted(ranked, reverse=True)
        assert result.divergence_bits == pytest.approx(
            jensen_shannon_bits(own, trained), rel=1e-3, abs=1e-9
        )
        assert result.rank_agreement == pytest.approx(rank_agreement(own, trained))
        assert result.top1_agrees == (own.argmax() == trained.argmax()).item()
        assert result.clip == "clip one.mp4"
    assert max(result.divergence_bits for result in results) > 0.01


def test_trained_order_is_the_reference_even_when_another_is_set(loaded_debug, sampled):
    loaded = loaded_debug(trained_order="alternating")
    loaded.model.set_scan_order("temporal_first")
    results = {r.scan_order: r for r in compare_scans(loaded, sampled, repeats=1)}
    assert results["alternating"].divergence_bits == 0
    assert results["alternating"].relative_latency == 1
    assert results["alternating"].relation == "trained order"
    assert results["temporal_first"].relation == "reordered"
    assert {result.trained_order for result in results.values()} == {"alternating"}
    assert loaded.model.scan_order == "temporal_first"


@pytest.mark.parametrize(
    ("training", "order", "relation"),
    [
        ("trained", "spatial_first", "trained order"),
        ("toy", "spatial_first", "trained order"),
        ("toy", "temporal_first", "reordered"),
        ("untrained", "spatial_first", "untrained"),
        ("untrained", "temporal_first", "untrained"),
    ],
)
def test_relation_travels_with_its_caution(loaded_debug, sampled, training, order, relation):
    (result,) = compare_scans(loaded_debug(training), sampled, [order], repeats=1)
    assert (result.relation, result.caution) == (relation, CAUTIONS[relation])
    if relation == "reordered":
        assert "robustness to reordering, not the quality of the order" in result.caution


def test_only_the_published_order_is_not_our_reading(loaded_debug, sampled):
    results = compare_scans(loaded_debug(), sampled, repeats=1)
    assert {result.scan_order for result in results if result.interpretation == "published"} == {
        "spatial_first"
    }


def test_costs_are_measured(loaded_debug, sampled):
    v1, v2 = compare_scans(
        loaded_debug(), sampled, ["spatiotemporal_v1", "spatiotemporal_v2"], repeats=3
    )
    for result in (v1, v2):
        assert result.latency_runs == 3
        assert result.latency_ms > 0 and result.relative_latency > 0
        assert result.memory_bytes is None or result.memory_bytes >= 0
        assert result.memory_method and result.device == "cpu"
    assert (v1.metrics.scans_per_layer, v2.metrics.scans_per_layer) == (2, 4)


def test_geometry_is_that_of_the_models_own_grid_and_decay(loaded_debug, sampled):
    (result,) = compare_scans(loaded_debug(), sampled, ["temporal_first"], repeats=1)
    metrics = result.metrics.model
    assert metrics.grid == (4, 4, 4)
    assert (metrics.horizontal_distance, metrics.temporal_distance) == (4, 1)
    assert metrics.decay_rate > 0
    assert 0 < metrics.spatial_locality < metrics.temporal_locality < 1


def recorded_passes(model, monkeypatch) -> list[str]:
    """The scan order of every forward pass from now on."""
    passes = []
    forward = model.forward

    def recording(clip):
        passes.append(model.scan_order)
        return forward(clip)

    monkeypatch.setattr(model, "forward", recording)
    return passes


def test_a_model_slower_than_the_budget_runs_once_per_order(loaded_debug, sampled, monkeypatch):
    loaded = loaded_debug()
    passes = recorded_passes(loaded.model, monkeypatch)
    results = list(compare_scans(loaded, sampled, SCAN_ORDERS, budget_s=0.0))
    assert {result.latency_runs for result in results} == {1}
    warm_up_and_reference = ["spatial_first"] * 2
    assert passes == warm_up_and_reference + list(SCAN_ORDERS[1:])


def test_timed_runs_alternate_with_the_trained_order(loaded_debug, sampled, monkeypatch):
    loaded = loaded_debug()
    passes = recorded_passes(loaded.model, monkeypatch)
    list(compare_scans(loaded, sampled, ["alternating"], repeats=2, budget_s=60.0))
    once = ["spatial_first"] * 2 + ["alternating"]
    assert passes == once + ["alternating", "spatial_first"] * 2


def test_model_is_in_its_own_order_between_results_and_after_closing(loaded_debug, sampled):
    loaded = loaded_debug()
    loaded.model.set_scan_order("alternating")
    results = compare_scans(loaded, sampled, repeats=1)
    for _ in islice(results, 3):
        assert loaded.model.scan_order == "alternating"
    results.close()
    assert loaded.model.scan_order == "alternating"


def test_model_is_in_its_own_order_after_an_error(loaded_debug, sampled, monkeypatch):
    loaded = loaded_debug()
    forward = loaded.model.forward

    def failing(clip):
        if loaded.model.scan_order == "temporal_first":
            raise RuntimeError("out of memory, say")
        return forward(clip)

    monkeypatch.setattr(loaded.model, "forward", failing)
    results = compare_scans(loaded, sampled, ["spatial_first", "temporal_first"], repeats=1)
    assert next(results).scan_order == "spatial_first"
    with pytest.raises(RuntimeError, match="out of memory"):
        next(results)
    assert loaded.model.scan_order == "spatial_first"
    assert not any(module._forward_hooks for module in loaded.model.modules())


def test_the_model_can_be_trained_after_a_comparison(loaded_debug, sampled):
    """Permutations made while comparing are kept, and autograd must be able to use them."""
    loaded = loaded_debug(num_frames=2)
    two_frames = type(sampled)(**{**vars(sampled), "clip": sampled.clip[:, :2]})
    list(compare_scans(loaded, two_frames, repeats=1))
    loaded.model.set_scan_order("temporal_first")
    loaded.model(two_frames.clip[None]).sum().backward()
    assert loaded.model.head.weight.grad.abs().sum() > 0


def test_an_image_model_is_compared_on_its_one_frame(loaded_debug, sampled):
    loaded = loaded_debug(num_frames=None)
    one_frame = type(sampled)(**{**vars(sampled), "clip": sampled.clip[:, :1]})
    (result,) = compare_scans(loaded, one_frame, ["alternating"], repeats=1)
    assert result.metrics.model.temporal_distance is None
    assert result.divergence_bits == pytest.approx(0, abs=1e-6)  # one frame: orders are the same


@pytest.mark.parametrize(
    ("orders", "settings", "message"),
    [
        ([], {}, "at least one scan order"),
        (["zigzag"], {}, "unknown scan order 'zigzag'"),
        (["alternating", "alternating"], {}, "named twice"),
        (["alternating"], {"repeats": 0}, "at least 1, got 0"),
    ],
)
def test_bad_requests_fail_before_anything_runs(loaded_debug, sampled, orders, settings, message):
    loaded = loaded_debug()
    loaded.model.forward = None
    with pytest.raises(ValueError, match=message):
        compare_scans(loaded, sampled, orders, **settings)


def test_results_are_frozen(loaded_debug, sampled):
    (result,) = compare_scans(loaded_debug(), sampled, ["alternating"], repeats=1)
    with pytest.raises(FrozenInstanceError):
        result.latency_ms = 0.0
