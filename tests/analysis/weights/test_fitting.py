"""State dicts into models: golden files, resizing, inflation, reports and refusals."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from analysis.models import create_model
from analysis.weights.card import WeightsError
from analysis.weights.fitting import load_state_dict_with_report
from analysis.weights.reading import read_checkpoint

GOLDEN = Path(__file__).parents[2] / "data" / "golden"

IMAGE = {
    "width": 32,
    "depth": 4,
    "patch_size": 8,
    "image_size": 32,
    "num_classes": 10,
    "state_size": 16,
}
RECTANGLE = {
    "width": 20,
    "depth": 2,
    "patch_size": 8,
    "image_size": (16, 24),
    "num_classes": 5,
    "state_size": 16,
    "norm": "layer",
}
STUDENT = {**IMAGE, "depth": 3, "distill_width": 24}
CASES = {"image": IMAGE, "image_rect_layernorm": RECTANGLE, "image_distill": STUDENT}
VIDEO = {
    "width": 16,
    "depth": 2,
    "patch_size": 16,
    "image_size": 224,
    "num_frames": 8,
    "num_classes": 3,
}


def golden_state(case):
    state = load_file(GOLDEN / f"{case}.weights.safetensors")
    student = {k.removeprefix("student."): v for k, v in state.items() if k.startswith("student.")}
    return student or state


def image_model(**options):
    return create_model("videomamba_image_debug", **options).eval()


def video_model(**options):
    """A small video model whose every parameter is away from its initial value."""
    model = create_model("videomamba_debug", **{**VIDEO, **options}).eval()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.02 * torch.randn(parameter.shape, generator=generator))
    return model


WRITERS = {
    "safetensors": lambda state, path: save_file(state, path),
    "bare": lambda state, path: torch.save(state, path),
    "model": lambda state, path: torch.save({"model": state}, path),
    "module": lambda state, path: torch.save({"module": state}, path),
    "data_parallel": lambda state, path: torch.save(
        {f"module.{key}": value for key, value in state.items()}, path
    ),
}


@pytest.mark.parametrize("layout", WRITERS)
@pytest.mark.parametrize("case", CASES)
def test_golden_weights_load_strictly(tmp_path, case, layout):
    state = golden_state(case)
    WRITERS[layout](state, tmp_path / "weights")
    model = image_model(**CASES[case])
    report = load_state_dict_with_report(model, read_checkpoint(tmp_path / "weights"))
    assert set(report.loaded) == set(state) == set(model.state_dict())
    assert report.resized == report.missing == report.unexpected == report.dropped == ()
    for key, parameter in model.state_dict().items():
        assert torch.equal(parameter, state[key]), key


def test_distillation_head_is_dropped_by_a_plain_model():
    plain = {key: value for key, value in STUDENT.items() if key != "distill_width"}
    report = load_state_dict_with_report(image_model(**plain), golden_state("image_distill"))
    assert set(report.dropped) == {
        "distill_head.0.weight",
        "distill_head.1.weight",
        "distill_head.1.bias",
    }
    assert report.missing == report.unexpected == ()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, {}),
        ({"num_frames": 16}, {"temporal_pos_embedding": ((1, 8, 16), (1, 16, 16), "linear")}),
        ({"image_size": 256}, {"pos_embed": ((1, 197, 16), (1, 257, 16), "bicubic")}),
        (
            {"num_frames": 4, "image_size": (192, 320)},
            {
                "temporal_pos_embedding": ((1, 8, 16), (1, 4, 16), "linear"),
                "pos_embed": ((1, 197, 16), (1, 241, 16), "bicubic"),
            },
        ),
    ],
    ids=["same", "frames_8_to_16", "pixels_224_to_256", "fewer_frames_and_a_rectangle"],
)
def test_other_sizes_are_interpolated_reported_and_run(change, expected):
    state = video_model().state_dict()
    model = video_model(**change)
    report = load_state_dict_with_report(model, state)
    assert {r.key: (r.from_shape, r.to_shape, r.method) for r in report.resized} == expected
    assert set(report.loaded) == set(state) - set(expected)
    assert report.missing == report.unexpected == ()
    assert torch.equal(model.state_dict()["pos_embed"][:, 0], state["pos_embed"][:, 0])
    size = model.config.image_size
    height, width = (size, size) if isinstance(size, int) else size
    clip = torch.randn(
        1, 3, model.config.num_frames, height, width, generator=torch.Generator().manual_seed(2)
    )
    with torch.inference_mode():
        logits = model(clip)
    assert logits.shape == (1, 3)
    assert torch.isfinite(logits).all()


def test_a_table_of_equal_length_but_other_shape_is_resized_when_the_source_is_known():
    state = video_model(image_size=64).state_dict()  # 4x4
    wide = video_model(image_size=(32, 128))  # 2x8
    report = load_state_dict_with_report(wide, state, source_grid=(4, 4))
    assert [r.key for r in report.resized] == ["pos_embed"]
    assert not torch.equal(wide.state_dict()["pos_embed"], state["pos_embed"])


def test_rectangular_checkpoints_fit_other_rectangles_when_the_source_is_known():
    state = golden_state("image_rect_layernorm")
    larger = {**RECTANGLE, "image_size": (32, 48)}
    report = load_state_dict_with_report(image_model(**larger), state, source_grid=(2, 3))
    assert [(r.key, r.to_shape) for r in report.resized] == [("pos_embed", (1, 25, 20))]
    with pytest.raises(WeightsError, match=r"pos_embed is \(1, 7, 20\) in the file"):
        load_state_dict_with_report(image_model(**larger), state)


def test_one_frame_of_an_inflated_image_model_answers_as_the_image_model():
    golden = load_file(GOLDEN / "image.io.safetensors")
    model = create_model("videomamba_debug", **IMAGE, num_frames=1, tubelet=1).eval()
    report = load_state_dict_with_report(model, golden_state("image"))
    assert [r.key for r in report.resized] == ["patch_embed.proj.weight", "temporal_pos_embedding"]
    assert report.missing == report.unexpected == ()
    assert not model.state_dict()["temporal_pos_embedding"].any()
    with torch.inference_mode():
        logits = model(golden["input"].unsqueeze(2))
    torch.testing.assert_close(logits, golden["logits"], rtol=1e-4, atol=1e-4)


def test_missing_and_unexpected_keys_are_named_and_nothing_is_copied():
    state = dict(golden_state("image"))
    del state["norm_f.weight"], state["layers.3.mixer.D"]
    state["norm.weight"] = torch.ones(32)
    model = image_model(**IMAGE)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    with pytest.raises(WeightsError) as caught:
        load_state_dict_with_report(model, state)
    message = str(caught.value)
    assert "the file lacks layers.3.mixer.D (and 1 more such keys)" in message
    assert "the model has no norm.weight" in message
    for key, value in model.state_dict().items():
        assert torch.equal(value, before[key]), key

    report = load_state_dict_with_report(model, state, strict=False)
    assert set(report.missing) == {"norm_f.weight", "layers.3.mixer.D"}
    assert report.unexpected == ("norm.weight",)
    assert torch.equal(model.state_dict()["norm_f.weight"], before["norm_f.weight"])
    assert torch.equal(model.state_dict()["cls_token"], state["cls_token"])


def test_a_head_for_other_classes_is_refused_or_left_out():
    state, model = golden_state("image"), image_model(**{**IMAGE, "num_classes": 7})
    before = model.state_dict()["head.weight"].clone()
    with pytest.raises(
        WeightsError, match=r"head\.weight is \(10, 32\) in the file and \(7, 32\) in the model"
    ):
        load_state_dict_with_report(model, state)
    report = load_state_dict_with_report(model, state, strict=False)
    assert set(report.missing) == set(report.unexpected) == {"head.weight", "head.bias"}
    assert torch.equal(model.state_dict()["head.weight"], before)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_values_that_are_not_finite_are_refused(value):
    state = {key: tensor.clone() for key, tensor in golden_state("image").items()}
    state["head.bias"][3] = value
    with pytest.raises(WeightsError, match=r"head\.bias holds values that are not finite"):
        load_state_dict_with_report(image_model(**IMAGE), state, strict=False)


def test_half_precision_files_become_the_models_precision():
    half = {key: tensor.half() for key, tensor in golden_state("image").items()}
    model = image_model(**IMAGE)
    load_state_dict_with_report(model, half)
    for key, parameter in model.state_dict().items():
        assert torch.equal(parameter, half[key].float()), key


def test_integer_tensors_do_not_pass_for_weights():
    state = {**golden_state("image"), "head.bias": torch.zeros(10, dtype=torch.int8)}
    with pytest.raises(WeightsError, match=r"head\.bias is \(10,\) of torch\.int8"):
        load_state_dict_with_report(image_model(**IMAGE), state)
