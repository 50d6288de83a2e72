"""Checkpoint files of every layout are read; everything else is refused in one sentence."""

import argparse
import collections
import pickle

import pytest
import torch
from safetensors.torch import save_file

from analysis.weights.card import WeightsError
from analysis.weights.reading import read_checkpoint

STATE = {
    "cls_token": torch.arange(4.0).reshape(1, 1, 4),
    "layers.0.mixer.in_proj.weight": torch.ones(8, 4),
    "head.bias": torch.zeros(3),
}


def assert_same(read, expected=STATE):
    assert read.keys() == expected.keys()
    for key, tensor in expected.items():
        assert torch.equal(read[key], tensor), key


def prefixed(prefix):
    return {prefix + key: tensor for key, tensor in STATE.items()}


LAYOUTS = {
    "bare": STATE,
    "ordered": collections.OrderedDict(STATE),
    "model": {"model": STATE},
    "module": {"module": STATE},
    "model_beside_optimizer": {"model": STATE, "optimizer": {"lr": 0.1}, "epoch": 3},
    "model_with_command_line": {"model": STATE, "args": argparse.Namespace(lr=0.1, name="run")},
    "data_parallel": prefixed("module."),
    "backbone": prefixed("backbone."),
    "encoder": {"model": prefixed("encoder.")},
    "nested_prefixes": prefixed("module.backbone."),
}


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".bin"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_pytorch_layouts(tmp_path, layout, suffix):
    torch.save(LAYOUTS[layout], tmp_path / f"weights{suffix}")
    assert_same(read_checkpoint(tmp_path / f"weights{suffix}"))


def test_pytorch_file_of_the_old_format(tmp_path):
    torch.save({"model": STATE}, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    assert_same(read_checkpoint(tmp_path / "old.pth"))


@pytest.mark.parametrize("name", ["weights.safetensors", "misnamed.pth"])
@pytest.mark.parametrize("prefix", ["", "module.", "encoder."])
def test_safetensors_whatever_the_name(tmp_path, name, prefix):
    save_file(prefixed(prefix), tmp_path / name)
    assert_same(read_checkpoint(tmp_path / name))


def test_only_leading_prefixes_are_stripped(tmp_path):
    state = {"vision_encoder.cls_token": torch.zeros(1), "layers.module.w": torch.zeros(1)}
    torch.save(state, tmp_path / "w.pth")
    assert read_checkpoint(tmp_path / "w.pth").keys() == state.keys()


class Exploit:
    """Leaves a file behind if it is ever unpickled without restrictions."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def is_one_sentence(message):
    return message.endswith(".") and "\n" not in message and message.count(". ") == 0


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "old_format"])
def test_pickle_that_wants_to_run_code_is_refused_and_does_not_run(tmp_path, zipped):
    trace = tmp_path / "it_ran"
    path = tmp_path / "evil.pth"
    torch.save({"model": STATE, "x": Exploit(trace)}, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(WeightsError, match=r"evil\.pth was refused .* could run code") as caught:
        read_checkpoint(path)
    assert is_one_sentence(str(caught.value))
    assert not trace.exists()


def test_bare_pickle_that_wants_to_run_code_does_not_run(tmp_path):
    trace = tmp_path / "it_ran"
    (tmp_path / "evil.bin").write_bytes(pickle.dumps(Exploit(trace)))
    with pytest.raises(WeightsError, match=r"evil\.bin"):
        read_checkpoint(tmp_path / "evil.bin")
    assert not trace.exists()


def saved_bytes(tmp_path, kind):
    path = tmp_path / "whole"
    if kind == "safetensors":
        save_file(STATE, path)
    else:
        torch.save(STATE, path, _use_new_zipfile_serialization=kind == "zip")
    return path.read_bytes()


@pytest.mark.parametrize("part", [0.05, 0.5, 0.95, 0.99])
@pytest.mark.parametrize("kind", ["safetensors", "zip", "old_format"])
def test_truncated_files(tmp_path, kind, part):
    content = saved_bytes(tmp_path, kind)
    (tmp_path / "cut.pth").write_bytes(content[: int(len(content) * part)])
    with pytest.raises(WeightsError, match=r"cut\.pth .*(cut short|neither)") as caught:
        read_checkpoint(tmp_path / "cut.pth")
    assert is_one_sentence(str(caught.value))


def test_flipped_bytes_in_a_zip_are_noticed(tmp_path):
    content = bytearray(saved_bytes(tmp_path, "zip"))
    tensor = STATE["layers.0.mixer.in_proj.weight"].numpy().tobytes()
    start = content.index(tensor)
    content[start : start + len(tensor)] = b"\x07" * len(tensor)
    (tmp_path / "flipped.pth").write_bytes(content)
    with pytest.raises(WeightsError, match=r"flipped\.pth .*damaged"):
        read_checkpoint(tmp_path / "flipped.pth")


NOT_CHECKPOINTS = {
    "empty": (b"", "is empty"),
    "text": (b"these are not weights\n", "neither a safetensors nor a PyTorch checkpoint"),
    "html": (b"<!DOCTYPE html><html><body>404</body></html>", "is a web page"),
    "html_after_blank_lines": (b"\n\n <html>log in first</html>", "is a web page"),
    "lfs_pointer": (b"version https://git-lfs.github.com/spec/v1\noid x\n", "Git LFS pointer"),
    "one_byte": (b"\x00", "neither"),
    "random": (bytes(range(7, 207)), "neither"),
    "json": (b'{"cls_token": [1, 2]}', "neither"),
    "safetensors_header_only": (b"\xff" * 8 + b"{", "damaged or cut short"),
    "pickle_start": (b"\x80\x02", "damaged or cut short"),
    "zip_start": (b"PK\x03\x04 and no more", "cut short"),
}


@pytest.mark.parametrize("case", NOT_CHECKPOINTS)
def test_files_that_are_no_checkpoints(tmp_path, case):
    content, reason = NOT_CHECKPOINTS[case]
    (tmp_path / "w.pth").write_bytes(content)
    with pytest.raises(WeightsError, match=reason) as caught:
        read_checkpoint(tmp_path / "w.pth")
    assert str(caught.value).startswith("w.pth ") and is_one_sentence(str(caught.value))


NO_STATE_DICTS = {
    "a_tensor": (torch.zeros(3), "found a Tensor"),
    "a_list": ([torch.zeros(3)], "found a list"),
    "an_empty_dict": ({}, "found nothing"),
    "numbers": ({"epoch": 3, "model": {"lr": 0.1}}, "found epoch, model"),
    "tensors_by_number": ({0: torch.zeros(1)}, "found 0"),
}


@pytest.mark.parametrize("case", NO_STATE_DICTS)
def test_files_without_a_state_dict(tmp_path, case):
    content, found = NO_STATE_DICTS[case]
    torch.save(content, tmp_path / "w.pth")
    with pytest.raises(WeightsError, match=f"holds no state dict: .*{found}"):
        read_checkpoint(tmp_path / "w.pth")


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(WeightsError, match=r"nowhere\.pth cannot be read: no such file"):
        read_checkpoint(tmp_path / "nowhere.pth")
    with pytest.raises(WeightsError, match="cannot be read: is a directory"):
        read_checkpoint(tmp_path)


def test_two_models_in_one_file_are_not_mixed(tmp_path):
    torch.save({**prefixed("backbone."), **prefixed("encoder.")}, tmp_path / "two.pth")
    with pytest.raises(WeightsError, match="holds cls_token twice"):
        read_checkpoint(tmp_path / "two.pth")
