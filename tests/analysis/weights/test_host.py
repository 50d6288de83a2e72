"""Host checkpoints in models with adaptors."""

import pytest
import torch
from safetensors.torch import save_file

from analysis.models import create_model
from analysis.models.mamba_adaptor import is_adaptor_tensor
from analysis.weights import WeightsError
from analysis.weights.host import load_host_weights

HOSTS = {
    "mamba_adaptor_debug": "vmamba_debug",
    "vim_adaptor_debug": "vim_debug",
    "videomamba_adaptor_debug": "videomamba_debug",
}


@pytest.fixture
def saved(tmp_path):
    """Builds a checkpoint file of a fresh model, less some entries and with others."""

    def save(name, without=(), extra=(), **fields):
        state = create_model(name, **fields).state_dict()
        state = {key: value for key, value in state.items() if not key.startswith(tuple(without))}
        state |= {key: torch.zeros(1) for key in extra}
        path = tmp_path / f"{name}.safetensors"
        save_file(state, path)
        return path, state

    return save


@pytest.mark.parametrize("share", ["none", "width"])
@pytest.mark.parametrize("name", HOSTS)
def test_only_adaptors_are_missing(saved, name, share):
    path, state = saved(HOSTS[name])
    model = create_model(name, usage="booster", share=share)
    report = load_host_weights(model, path)
    assert set(report.loaded) == set(state)
    assert report.missing
    assert all(is_adaptor_tensor(key) for key in report.missing)
    assert not report.unexpected
    found = model.state_dict()
    assert all(torch.equal(found[key], value) for key, value in state.items())


@pytest.mark.parametrize("name", HOSTS)
def test_a_new_task_keeps_its_own_head(saved, name):
    path, state = saved(HOSTS[name])
    model = create_model(name, usage="fine_tuning", num_classes=3)
    heads = {key for key in state if key.startswith(("head.", "classifier.head."))}
    report = load_host_weights(model, path, keep_head=False)
    assert {key for key in report.missing if not is_adaptor_tensor(key)} == heads
    with pytest.raises(WeightsError, match=r"head\.weight"):
        load_host_weights(model, path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"without": ("layers.1.mixer.A_log",)}, "has no layers.1.mixer.A_log"),
        ({"extra": ("layers.7.norm.weight",)}, "has layers.7.norm.weight beside it"),
        ({"width": 24}, "in the right shape"),
        ({"image_size": 24}, "has no pos_embed"),
    ],
    ids=["missing", "unexpected", "width", "resolution"],
)
def test_what_does_not_fit_is_one_sentence(saved, options, message):
    """Vim's position table has CLS in its middle, so it is not resized as others are."""
    path, _ = saved("vim_debug", **options)
    with pytest.raises(WeightsError, match=message) as caught:
        load_host_weights(create_model("vim_adaptor_debug"), path)
    assert "\n" not in str(caught.value)
