"""The student of masked pretraining against the published one."""

import json

import pytest
import torch
from safetensors.torch import load_file

from analysis.layers.visible_tokens import VisibleTokens
from analysis.models import create_model, is_classifier, list_classifiers, list_models
from analysis.models.videomamba import VideoMamba, VideoMambaConfig
from analysis.models.videomamba_student import (
    StudentConfig,
    VideoMambaStudent,
    sinusoid_table,
)
from analysis.ops.token_mask import token_mask

GOLDEN = {
    "pretrain_last1": {},
    "pretrain_last2": {"align_layers": 2, "align_interval": 2},
}
SHAPE = {"width": 32, "depth": 4, "num_frames": 4, "image_size": 32, "patch_size": 8}


def golden_student(folder, case, **fields):
    config = StudentConfig(**SHAPE, target_width=16, **GOLDEN[case], **fields)
    student = VideoMambaStudent(config).eval()
    student.load_state_dict(load_file(folder / f"{case}.weights.safetensors"))
    return student, load_file(folder / f"{case}.io.safetensors")


def without_effect(folder, case):
    return json.loads((folder / "cases.json").read_text())[case][
        "tensors_without_effect_on_outputs"
    ]


@pytest.fixture
def debug_clip():
    return torch.randn(2, 3, 4, 16, 16, generator=torch.Generator().manual_seed(0))


def debug_mask(ratio=0.5, name="random"):
    return token_mask(name, (4, 4, 4), ratio, 2, torch.Generator().manual_seed(1))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("case", GOLDEN)
def test_golden_blocks_features_and_output(golden_folder, case, dtype):
    student, io = golden_student(golden_folder, case)
    student, clip, mask = student.to(dtype), io["input"].to(dtype), io["mask"]

    def close(found, name):
        # The bound of the models' own golden test: values reach 13 in float32.
        torch.testing.assert_close(found.float(), io[name], rtol=1e-6, atol=1e-5)

    with torch.inference_mode():
        visible = VisibleTokens(student.token_grid, mask)
        tokens = visible.of(student.embed(clip))
        close(tokens, "tokens")
        for index, (hidden, residual) in enumerate(student.run_layers(tokens, visible)):
            close(hidden, f"block{index}.hidden")
            close(residual, f"block{index}.residual")
        close(student.aligned_features(clip, mask), "features")
        close(student.clip_pos_embed, "clip_pos_embed")
        output = student(clip, mask)
    torch.testing.assert_close(output.float(), io["output"], rtol=0, atol=1e-5)


@pytest.mark.parametrize("align_last", ["published", "normed"])
@pytest.mark.parametrize("case", GOLDEN)
def test_what_learns_and_what_does_not(golden_folder, case, align_last):
    """Published: exactly the tensors found to be without effect in the reference get no gradient.

    With the last layer's output normed everything learns.
    """
    student, io = golden_student(golden_folder, case, align_last=align_last)
    (student(io["input"], io["mask"]) * io["target"]).sum().backward()
    idle = {
        name
        for name, parameter in student.named_parameters()
        if parameter.grad is None or not parameter.grad.any()
    }
    assert idle == (
        set(without_effect(golden_folder, case)) if align_last == "published" else set()
    )


@pytest.mark.parametrize("case", GOLDEN)
def test_normed_features_are_final_tokens(golden_folder, case):
    """Without a mask the normed last layer is what a classifier reads out."""
    student, io = golden_student(golden_folder, case, align_last="normed")
    model = VideoMamba(VideoMambaConfig(**SHAPE, num_classes=0)).eval()
    state = {k: v for k, v in student.state_dict().items() if not k.startswith("clip_decoder")}
    state["norm_f.weight"] = state.pop("norm.weight")
    model.load_state_dict(state)
    with torch.inference_mode():
        features = student.aligned_features(io["input"], torch.zeros_like(io["mask"]))
        expected = model.forward_features(io["input"])
    torch.testing.assert_close(features[-1], expected)


def test_state_dict_equals_the_published_manifest(golden_folder):
    manifest = json.loads((golden_folder / "manifest/pretrain.json").read_text())
    entry = manifest["pretrain_m16_f8_res224"]
    with torch.device("meta"):
        student = create_model("videomamba_student_middle")
    assert {k: list(v.shape) for k, v in student.state_dict().items()} == entry["keys"]
    assert sum(p.numel() for p in student.parameters()) == entry["n_parameters"]


def test_sinusoid_table_equals_the_published_one(golden_folder):
    io = load_file(golden_folder / "posembed.io.safetensors")
    torch.testing.assert_close(sinusoid_table(7, 6), io["sincos.n7_d6"], rtol=0, atol=1e-7)


def test_hidden_tokens_have_no_influence(debug_clip):
    """A clip that differs only in the pixels of hidden tokens looks the same."""
    student, mask = create_model("videomamba_student_debug").eval(), debug_mask()
    hidden = mask[:, 1:].view(2, 1, 4, 4, 4)
    pixels = hidden.repeat_interleave(4, dim=3).repeat_interleave(4, dim=4)
    other = torch.where(pixels, torch.full_like(debug_clip, 7.0), debug_clip)
    with torch.inference_mode():
        assert torch.equal(student(debug_clip, mask), student(other, mask))
        everything = torch.zeros_like(mask)
        assert not torch.equal(student(debug_clip, everything), student(other, everything))


def test_clips_of_a_batch_are_independent_and_unit_length(debug_clip):
    student = create_model("videomamba_student_debug", align_layers=2).eval()
    mask = debug_mask()
    with torch.inference_mode():
        together = student(debug_clip, mask)
        apart = [student(debug_clip[i : i + 1], mask[i : i + 1]) for i in range(2)]
    assert together.shape == (2, 2, 33, 16)
    torch.testing.assert_close(together, torch.cat(apart, 1), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(together.norm(dim=-1), torch.ones(2, 2, 33))


@pytest.mark.parametrize("align_last", ["published", "normed"])
def test_recomputed_layers_have_the_same_gradients(debug_clip, align_last):
    student = create_model("videomamba_student_debug", align_last=align_last, align_layers=2)
    gradients = []
    for student.checkpoint_layers in (False, True):
        student.zero_grad()
        student(debug_clip, debug_mask())[..., 0].sum().backward()
        gradients.append([p.grad for p in student.parameters() if p.grad is not None])
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda mask: mask[:, 1:], r"\(B, 65\) true or false values was expected"),
        (lambda mask: mask.float(), "of torch.float32"),
        (lambda mask: ~mask, "leave CLS"),
        (lambda mask: mask & (torch.arange(2)[:, None] == 0), "as many tokens of every clip"),
    ],
    ids=["without_cls", "numbers", "inverted", "uneven"],
)
def test_masks_that_do_not_fit_are_one_sentence(debug_clip, change, message):
    with pytest.raises(ValueError, match=message):
        create_model("videomamba_student_debug")(debug_clip, change(debug_mask()))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"align_last": "mean"}, "choose published or normed"),
        ({"align_layers": 4}, "4 layers, 1 apart, were asked for of 3"),
        ({"scan_order": "zigzag"}, "unknown scan order"),
    ],
)
def test_impossible_students_are_one_sentence(fields, message):
    with pytest.raises(ValueError, match=message):
        create_model("videomamba_student_debug", **fields)


def test_students_and_towers_are_no_classifiers():
    others = {name for name in list_models() if name not in list_classifiers()}
    families = ("videomamba_student", "videomamba_retrieval", "clip", "clip_tower")
    assert others == {name for family in families for name in list_models(family)}
    assert set(list_models("videomamba")) <= set(list_classifiers())
    assert not any(map(is_classifier, (*others, "no model")))
