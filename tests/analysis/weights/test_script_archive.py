"""TorchScript archives: the tensors that their own loader gives, without running them."""

import pickle
import warnings

import pytest
import torch
from torch import nn

from analysis.weights import WeightsError
from analysis.weights.reading import read_checkpoint
from analysis.weights.script_archive import is_script_archive, read_script_archive


class Part(nn.Module):
    def __init__(self):
        super().__init__()
        self.steps = [1, 2]
        self.proj = nn.Parameter(torch.randn(3, 4).t())
        self.small = nn.Parameter(torch.randn(2).half())
        self.register_buffer("count", torch.tensor(7))
        self.register_buffer("none", torch.empty(0))

    def forward(self, x):
        return x @ self.proj * self.count + self.steps[0]


class Whole(nn.Module):
    def __init__(self):
        super().__init__()
        self.parts = nn.Sequential(Part(), nn.Conv2d(1, 2, 3))
        self.norm = nn.LayerNorm(4)
        self.same = self.norm.weight

    def forward(self, x):
        return self.norm(self.parts[0](x))


@pytest.fixture
def archive(tmp_path):
    path = tmp_path / "clip.pt"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.script(Whole()).save(str(path))
    return path


def test_tensors_are_those_of_the_program(archive):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = torch.jit.load(str(archive)).state_dict()
    found = read_script_archive(archive)
    assert set(found) == set(expected)
    for name, tensor in expected.items():
        assert torch.equal(found[name], tensor), name
        assert found[name].dtype == tensor.dtype


def test_nothing_of_the_program_is_run(archive, monkeypatch):
    monkeypatch.setattr(torch.jit, "load", None)
    assert is_script_archive(archive)
    assert "parts.0.proj" in read_checkpoint(archive)


def test_an_archive_that_asks_for_more_is_refused(tmp_path, archive):
    """The pickle of the archive replaced by one that would run a command."""
    import zipfile

    class Command:
        def __reduce__(self):
            import os

            return os.system, ("touch never",)

    path = tmp_path / "other.pt"
    with zipfile.ZipFile(archive) as before, zipfile.ZipFile(path, "w") as after:
        for name in before.namelist():
            content = before.read(name)
            after.writestr(name, pickle.dumps(Command()) if name.endswith("/data.pkl") else content)
    with pytest.raises(WeightsError, match="refused because it holds more than tensors"):
        read_checkpoint(path)


def test_a_cut_archive_is_one_sentence(archive):
    archive.write_bytes(archive.read_bytes()[:-200])
    with pytest.raises(WeightsError, match="damaged or cut short"):
        read_checkpoint(archive)


def test_other_archives_are_none(tmp_path):
    torch.save({"a": torch.zeros(1)}, tmp_path / "plain.pt")
    assert not is_script_archive(tmp_path / "plain.pt")
