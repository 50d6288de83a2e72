"""The video-text model: published names and sizes, and what its parts make of each other."""

import json

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from analysis.models import create_model, list_classifiers, list_models, model_config
from analysis.models.bert import BertConfig
from analysis.models.retrieval_vision import POOLINGS, RetrievalVision, RetrievalVisionConfig
from analysis.ops.token_mask import token_mask
from analysis.ops.video_text import Negatives

pytestmark = pytest.mark.usefixtures("one_thread")
DEBUG = "videomamba_retrieval_debug"
FORMS = {
    "evaluation": "videomamba_retrieval_middle",
    "pretraining": "videomamba_retrieval_middle_pretrain",
}
GRID = (4, 4, 4)


def random_model(name=DEBUG, **fields):
    """In float64 and evaluation mode, every tensor of it random."""
    model = create_model(name, **fields).double().eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            if not key.endswith("A_log") and "_b_log" not in key:
                parameter.normal_(std=0.2, generator=generator)
    return model


@pytest.fixture
def clip():
    generator = torch.Generator().manual_seed(1)
    return torch.randn(3, 3, 4, 16, 16, generator=generator, dtype=torch.float64)


@pytest.fixture
def texts():
    generator = torch.Generator().manual_seed(2)
    tokens = torch.randint(1, 40, (3, 7), generator=generator)
    return tokens, torch.arange(7) >= torch.tensor([[7], [5], [3]])


def mask_of(name, ratio=0.5, grid=GRID, batch=3):
    return token_mask(name, grid, ratio, batch, torch.Generator().manual_seed(3))


def close(found, expected, atol=1e-10):
    torch.testing.assert_close(found, expected, rtol=0, atol=atol)


@pytest.fixture(scope="module")
def manifest(golden_folder):
    return json.loads((golden_folder / "manifest/multimodal.json").read_text())


@pytest.mark.parametrize("form", FORMS)
def test_state_dict_equals_the_published_manifest(manifest, form):
    entry = manifest[f"multimodal_m16_f8_res224_{form}"]
    with torch.device("meta"):
        model = create_model(FORMS[form])
    state = model.state_dict()
    assert {key: list(value.shape) for key, value in state.items()} == entry["keys"]
    assert len(state) == entry["n_tensors"]
    assert sum(p.numel() for p in model.parameters()) == entry["n_parameters"]
    parts = {
        name: sum(p.numel() for p in part.parameters()) for name, part in model.named_children()
    }
    assert {"temp": 1, **parts} == entry["n_parameters_by_part"]
    assert state.keys() - dict(model.named_parameters()).keys() == set(
        entry["non_parameter_or_tied_keys"]
    )


def test_text_models_are_no_classifiers():
    names = list_models("videomamba_retrieval")
    assert set(FORMS.values()) < set(names)
    assert not set(names) & set(list_classifiers())


# Every pooling by hand: CLS c, mean of frames m_1..m_4, mean of all m.
POOLED = {
    ("cls+avg", True): lambda c, m: c + m,
    ("cls+avg", False): lambda c, m: c + m.mean(1, keepdim=True),
    ("cls", True): lambda c, m: c,
    ("cls", False): lambda c, m: c,
    ("avg", True): lambda c, m: m,
    ("avg", False): lambda c, m: m.mean(1, keepdim=True),
    # As in the published code the sum, where a vector per frame is kept.
    ("cls_cat_avg", True): lambda c, m: c + m,
    ("cls_cat_avg", False): lambda c, m: torch.stack([c[:, 0], m.mean(1)], 1),
}


@pytest.mark.parametrize(("pooling", "keep_temporal"), POOLED)
def test_pooling_by_hand(clip, pooling, keep_temporal):
    encoder = random_model(pooling=pooling, keep_temporal=keep_temporal).vision_encoder
    assert {name for name, _ in POOLED} == set(POOLINGS)
    with torch.inference_mode():
        seen = encoder(clip)
        *_, (hidden, residual) = encoder.run_layers(encoder.embed(clip))
        stream = hidden + residual
        rms = stream / (stream.square().mean(-1, keepdim=True) + 1e-5).sqrt()
        final = rms * encoder.norm.weight
        frames = torch.stack([final[:, 1 + 16 * t : 17 + 16 * t].mean(1) for t in range(4)], 1)
        expected = POOLED[pooling, keep_temporal](final[:, :1], frames)
        norm = encoder.pool_norm
        expected = nn.functional.layer_norm(expected, (24,), norm.weight, norm.bias)
    close(seen.patches, final[:, 1:])
    close(seen.pooled, expected)
    assert seen.aligned is None


@pytest.mark.parametrize("align_last", ["published", "normed"])
def test_what_a_teacher_is_expected_to_say_is_what_the_student_says(clip, align_last):
    """The masked form holds the student of masked pretraining, tensor by tensor."""
    model = random_model(align_layers=2, align_last=align_last)
    student = create_model(
        "videomamba_student_debug", align_layers=2, align_last=align_last
    ).double()
    state = model.vision_encoder.state_dict()
    student.load_state_dict({k: v for k, v in state.items() if not k.startswith("pool_norm")})
    mask = mask_of("random")
    with torch.inference_mode():
        close(model.see(clip, mask).aligned, student.eval()(clip, mask))


@pytest.mark.parametrize(
    ("case", "fields"),
    [("pretrain_last1", {}), ("pretrain_last2", {"align_layers": 2, "align_interval": 2})],
    ids=["last1", "last2"],
)
def test_golden_alignment_outputs(golden_folder, case, fields):
    """The published student's tensors and outputs, through the vision encoder."""
    config = RetrievalVisionConfig(
        width=32, depth=4, num_frames=4, image_size=32, patch_size=8, target_width=16, **fields
    )
    encoder = RetrievalVision(config).eval()
    io = load_file(golden_folder / f"{case}.io.safetensors")
    state = load_file(golden_folder / f"{case}.weights.safetensors")
    assert set(encoder.load_state_dict(state, strict=False).missing_keys) == {
        "pool_norm.weight",
        "pool_norm.bias",
    }
    with torch.inference_mode():
        found = encoder(io["input"], io["mask"]).aligned
    torch.testing.assert_close(found, io["output"], rtol=0, atol=1e-5)


def test_masks_pool_all_frames_at_once_unless_told(clip):
    model = random_model()
    with torch.inference_mode():
        assert model.see(clip).pooled.shape == (3, 4, 24)
        assert model.see(clip, mask_of("tube")).pooled.shape == (3, 1, 24)
        seen = model.see(clip, mask_of("tube"), keep_temporal=True)
        assert seen.pooled.shape == (3, 4, 24)
        assert seen.patches.shape == (3, 32, 24)
        everything = torch.zeros(3, 65, dtype=torch.bool)
        close(model.see(clip, everything, keep_temporal=True).pooled, model.see(clip).pooled)
    with pytest.raises(ValueError, match="as many tokens of each, as tubes do"):
        model.see(clip, mask_of("random"), keep_temporal=True)


def test_an_image_is_a_clip_of_one_frame_without_temporal_embedding(clip):
    """Its tokens are those that an image model of the same tensors makes."""
    model = random_model()
    image = clip[:, :, :1]
    encoder = model.vision_encoder
    with torch.inference_mode():
        tokens = encoder.embed(image)
        stem = nn.functional.conv2d(
            image[:, :, 0], encoder.patch_embed.proj.weight[:, :, 0], stride=4
        )
        patches = stem.flatten(2).transpose(1, 2) + encoder.patch_embed.proj.bias
        close(tokens[:, 1:], patches + encoder.pos_embed[:, 1:])
        close(tokens[:, :1], (encoder.cls_token + encoder.pos_embed[:, :1]).expand(3, -1, -1))
        seen = model.see(image)
    assert seen.patches.shape == (3, 16, 24)
    assert seen.pooled.shape == (3, 1, 24)


@pytest.mark.parametrize("scan_order", ["spatial_first", "temporal_first", "alternating"])
def test_all_that_an_image_has_is_one_frame(clip, scan_order):
    """With one frame every scan order is the same, masked and whole."""
    model, image = random_model(), clip[:, :, :1]
    mask = mask_of("random", grid=(1, 4, 4))
    with torch.inference_mode():
        expected = model.see(image), model.see(image, mask)
        model.set_scan_order(scan_order)
        assert model.scan_order == scan_order
        found = model.see(image), model.see(image, mask)
    for one, other in zip(found, expected, strict=True):
        close(one.pooled, other.pooled)
    close(found[1].aligned, expected[1].aligned)
    assert found[1].aligned.shape == (1, 3, 9, 16)


def test_images_of_a_model_with_tubelets_stand_still(clip):
    model = random_model(tubelet=2)
    with torch.inference_mode():
        close(
            model.vision_encoder.embed(clip[:, :, :1])[:, 1:],
            model.vision_encoder.embed(clip[:, :, :1].expand(-1, -1, 4, -1, -1))[:, 1:17]
            - model.vision_encoder.temporal_pos_embedding[:, :1],
        )


def test_similarity_is_the_mean_cosine_over_frames(clip, texts):
    model = random_model()
    with torch.inference_mode():
        pooled, text = model.see(clip).pooled, model.read(*texts)
        videos, words = model.vision_proj(pooled), model.text_proj(text[:, 0])
        cosines = nn.functional.cosine_similarity(videos[:, :, None], words[None, None], dim=-1)
        close(model(clip, *texts), cosines.mean(1))
    assert cosines.std() > 0.02


def test_match_logits_are_those_of_the_fused_first_token(clip, texts):
    model = random_model()
    with torch.inference_mode():
        patches, text = model.see(clip).patches, model.read(*texts)
        fused = model.text_encoder(*texts, patches)
        expected = fused[:, 0] @ model.itm_head.weight.T + model.itm_head.bias
        found = model.match(text, texts[1], patches)
        close(found, expected)
        one = model.match(text[1:2], texts[1][1:2], patches[1:2])
        close(one, expected[1:2])
        close(
            model.match(text, texts[1], patches[:1]),
            model.match(text, texts[1], patches[:1].expand(3, -1, -1)),
        )


def test_negatives_stand_behind_the_pairs(clip, texts):
    model = random_model()
    negatives = Negatives(videos=torch.tensor([2, 0, 1]), texts=torch.tensor([1, 2, 0]))
    with torch.inference_mode():
        patches, text = model.see(clip).patches, model.read(*texts)
        found = model.match_with_negatives(text, texts[1], patches, negatives)
        for row, (video, words) in enumerate(
            [(0, 0), (1, 1), (2, 2), (2, 0), (0, 1), (1, 2), (0, 1), (1, 2), (2, 0)]
        ):
            one = model.match(text[words][None], texts[1][words][None], patches[video][None])
            close(found[row], one[0])


def test_words_are_guessed_from_text_and_video(clip, texts):
    model = random_model(f"{DEBUG}_pretrain")
    with torch.inference_mode():
        patches = model.see(clip).patches
        found = model.guess_words(*texts, patches)
        fused = model.bert.fuse(model.read(*texts), texts[1], patches)
        close(found, model.text_encoder(fused))
        assert (model.guess_words(*texts, patches.flip(0)) - found).abs().max() > 1e-3
    assert found.shape == (3, 7, 40)
    with pytest.raises(ValueError, match="no head for masked words"):
        random_model().guess_words(*texts, patches)


def test_a_teacher_says_as_much_as_is_expected_and_does_not_learn(clip):
    model = random_model(f"{DEBUG}_pretrain", align_layers=2)
    mask = mask_of("random")
    targets = model.clip_teacher.targets(clip, layers=2).targets
    assert targets[:, ~mask].shape == model.see(clip, mask).aligned.flatten(1, 2).shape
    assert not any(p.requires_grad for p in model.clip_teacher.parameters())


def test_a_teacher_is_made_to_fit(clip):
    config = model_config(f"{DEBUG}_pretrain", image_size=32, num_frames=8, tubelet=2)
    assert config.teacher.token_grid(8) == config.vision.token_grid
    assert (config.num_frames, config.image_size, config.teacher.tubelet) == (8, 32, 2)


def test_gradients_reach_every_parameter_that_is_meant_to_learn(clip, texts):
    """All but the teacher learn, the last layer of the trunk too, since it is read out."""
    model = random_model(f"{DEBUG}_pretrain").train()
    seen, mask = model.see(clip, mask_of("random")), texts[1]
    text = model.read(*texts)
    videos = model.video_directions(seen.pooled)
    total = (
        (videos.mean(1) @ model.text_directions(text).T / model.temp).square().sum()
        + model.match(text, mask, seen.patches).square().sum()
        + model.guess_words(*texts, seen.patches).square().sum()
        + (seen.aligned * torch.randn(seen.aligned.shape)).sum()
    )
    total.backward()
    idle = {n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()}
    assert idle == {n for n, _ in model.named_parameters() if n.startswith("clip_teacher.")}


def test_the_temperature_stays_in_its_range():
    model = create_model(DEBUG)
    assert model.temp.item() == pytest.approx(0.07)
    for value, expected in ((0.7, 0.5), (1e-5, 0.001), (0.2, 0.2)):
        model.temp.data.fill_(value)
        model.clamp_temperature_()
        assert model.temp.item() == pytest.approx(expected)


def test_texts_and_videos_of_a_batch_are_independent(clip, texts):
    model = random_model()
    with torch.inference_mode():
        whole = model(clip, *texts)
        apart = model(clip[2:], texts[0][1:2], texts[1][1:2])
    close(apart, whole[2:, 1:2])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"pooling": "max"}, "unknown pooling 'max'; choose one of cls"),
        ({"num_frames": None}, "needs num_frames"),
        ({"scan_order": "zigzag"}, "unknown scan order"),
        ({"text": BertConfig(vision_width=10)}, "of width 10, the vision encoder gives 24"),
    ],
    ids=["pooling", "frames", "order", "widths"],
)
def test_impossible_models_are_one_sentence(fields, message):
    with pytest.raises(ValueError, match=message):
        create_model(DEBUG, **fields)


def test_unknown_fields_are_refused():
    with pytest.raises(TypeError, match="num_classes"):
        create_model(DEBUG, num_classes=3)


def test_clips_that_do_not_fit_are_one_sentence(clip):
    model = create_model(DEBUG)
    with pytest.raises(ValueError, match=r"images of shape \(B, 3, 1, 16, 16\), got"):
        model.see(torch.zeros(1, 3, 1, 8, 16))
    with pytest.raises(ValueError, match=r"clips of shape \(B, 3, 4, 16, 16\), got"):
        model.see(torch.zeros(1, 3, 3, 16, 16))
    with pytest.raises(ValueError, match=r"a mask of \(B, 17\) true or false"):
        model.see(torch.zeros(1, 3, 1, 16, 16), torch.zeros(1, 65, dtype=torch.bool))
