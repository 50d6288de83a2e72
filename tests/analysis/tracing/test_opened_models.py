"""Which models are opened, and that Vim's layers are: CLS in the middle, directions averaged."""

import pytest
import torch

from analysis.attribution.attribution import attribute
from analysis.attribution.edited_pass import logits_of
from analysis.attribution.exact.token_map import MapQuestion, Subject, token_map
from analysis.attribution.lrp_rules import LrpRules
from analysis.attribution.mamba_lrp import EditedForward
from analysis.attribution.method import AttributionError
from analysis.models import create_model, model_config
from analysis.tracing.opened_models import (
    TracingError,
    check_opened,
    check_scans_alone,
    check_takes_masks,
)
from analysis.tracing.recorder import record


@pytest.fixture(scope="module")
def vim():
    """A small Vim with every parameter disturbed, in float64."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = create_model("vim_debug", image_size=(16, 24)).double().eval()
        for parameter in model.parameters():
            parameter.data += 0.2 * torch.randn_like(parameter)
    return model


@pytest.fixture(scope="module")
def image():
    generator = torch.Generator().manual_seed(1)
    return torch.randn(3, 16, 24, generator=generator, dtype=torch.float64)


def test_the_traced_layer_of_a_vim_gives_its_output(vim, image):
    trace = record(vim, image)
    read = trace.layer(0).scans[0].positions
    half = vim.token_grid.patches // 2
    assert read.tolist() == [*range(1, half + 1), 0, *range(half + 1, 2 * half + 1)]
    for number in trace.layers:
        layer = trace.layer(number)
        torch.testing.assert_close(layer.recomputed_output(), layer.output)


@pytest.mark.parametrize("token", [0, 1, 24])
def test_hidden_attention_rows_of_a_vim_sum_to_the_token_s_output(vim, image, token):
    layer = record(vim, image).layer(1)
    found = token_map(layer, MapQuestion(Subject("token", token)), "cls")
    assert found.completeness_error < 1e-12


def test_passes_written_out_are_vim_s(vim, image):
    with torch.no_grad():
        expected = vim(image[None])
        torch.testing.assert_close(logits_of(vim, vim.embed(image[None])), expected)
    plain = EditedForward(vim, LrpRules(False, False, False, False, 0.0))
    torch.testing.assert_close(plain.logits(image[None, :, None]), expected)


def test_exact_methods_hold_vim_s_logit(vim, image):
    for method in ("exact_last_layer", "mamba_lrp"):
        assert attribute(vim, image, method, 3).completeness_error < 1e-8


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("videomamba_adaptor_debug", "tokens also read the states"),
        ("vim_adaptor_debug", "tokens also read the states"),
        ("moma_debug", "not MoMa, inside whose scans Hidden states looks"),
        ("aim_debug", "not a model over a frozen CLIP"),
        ("mamba_adaptor_debug", "not VMamba"),
    ],
)
def test_others_are_refused_in_one_sentence(name, words):
    with pytest.raises(TracingError, match=f"MambaLRP .*{words}"):
        check_scans_alone(model_config(name), "MambaLRP")


def test_hosts_are_opened():
    check_opened(model_config("videomamba_adaptor_debug"), "It")
    check_opened(model_config("vim_adaptor_debug"), "It")
    fields = {"adaptor_t": False, "adaptor_s": False}
    check_scans_alone(model_config("videomamba_adaptor_debug", **fields), "It")


def test_models_with_adaptors_take_masks_and_others_do_not():
    check_takes_masks(model_config("videomamba_adaptor_debug"), "Masking")
    for name in ("moma_debug", "vmamba_debug", "aim_debug"):
        with pytest.raises(TracingError, match="Masking leaves tokens out"):
            check_takes_masks(model_config(name), "Masking")


def test_a_model_with_adaptors_is_not_explained_by_its_scans_alone():
    model = create_model("videomamba_adaptor_debug").eval()
    clip = torch.zeros(3, 4, 16, 16)
    with pytest.raises(AttributionError, match="MambaLRP follows scans alone"):
        attribute(model, clip, "mamba_lrp", 0)
