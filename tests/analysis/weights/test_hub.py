"""Finding and fetching published files; nothing here touches the network."""

from dataclasses import replace

import httpx
import huggingface_hub
import pytest
from huggingface_hub.errors import (
    HfHubHTTPError,
    HTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
)

from analysis.weights import hub
from analysis.weights.card import WeightsError
from analysis.weights.published import published_cards

CARD = next(c for c in published_cards() if c.name == "videomamba_tiny.k400_f8_res224")


@pytest.fixture(autouse=True)
def no_files_here(monkeypatch, tmp_path):
    """An empty hub cache and an empty folder for files placed by hand."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv(hub.FOLDER_VARIABLE, str(tmp_path / "by_hand"))
    monkeypatch.setattr(huggingface_hub, "get_hf_file_metadata", lambda url, timeout: None)


def answer_with(monkeypatch, answer):
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", answer)


def fail_with(monkeypatch, error):
    def fail(*args, **kwargs):
        raise error

    answer_with(monkeypatch, fail)


def http_error(kind, status):
    request = httpx.Request("GET", "https://example.invalid")
    return kind("refused\nlong story", response=httpx.Response(status, request=request))


FAILURES = {
    "no_network": (LocalEntryNotFoundError("x"), "no connection to the hub"),
    "offline_mode": (OfflineModeIsEnabled("x"), "offline mode is on"),
    "connection": (HTTPError("Name or service not known"), "no connection to the hub"),
    "hub_down": (http_error(HfHubHTTPError, 503), "the hub answered with an error"),
    "no_such_file": (http_error(RemoteEntryNotFoundError, 404), "the hub has no such file"),
    "refused": (http_error(RepositoryNotFoundError, 401), "no such repository or refuses"),
    "disk_full": (OSError(28, "No space left on device"), "No space left on device"),
}


@pytest.mark.parametrize("case", FAILURES)
def test_a_failed_fetch_says_why_and_where_to_place_the_file(monkeypatch, tmp_path, case):
    error, reason = FAILURES[case]
    fail_with(monkeypatch, error)
    with pytest.raises(WeightsError) as caught:
        hub.fetch_checkpoint(CARD)
    message = str(caught.value)
    assert reason in message
    assert str(tmp_path / "by_hand" / "videomamba_t16_k400_f8_res224.pth") in message
    assert "SCANSCOPE_CHECKPOINTS" in message and "OpenGVLab/VideoMamba" in message
    assert "\n" not in message and message.endswith(".")


def test_without_a_network_the_hub_is_asked_once(monkeypatch):
    def unreachable(url, timeout):
        assert url.endswith(f"OpenGVLab/VideoMamba/resolve/main/{CARD.file}")
        raise HTTPError("Name or service not known")

    monkeypatch.setattr(huggingface_hub, "get_hf_file_metadata", unreachable)
    fail_with(monkeypatch, AssertionError("the download must not be tried"))
    with pytest.raises(WeightsError, match="no connection to the hub"):
        hub.fetch_checkpoint(CARD)


def test_the_default_folder_is_named_relative_to_the_project(monkeypatch):
    monkeypatch.delenv(hub.FOLDER_VARIABLE)
    monkeypatch.setattr(hub, "SHIPPED_FOLDER", hub.SHIPPED_FOLDER.parent / "checkpoints")
    fail_with(monkeypatch, LocalEntryNotFoundError("x"))
    with pytest.raises(WeightsError, match=r" checkpoints/downloads/videomamba_t16_k400_f8"):
        hub.fetch_checkpoint(replace(CARD, hub_repo="nobody/nothing"))


def test_a_file_placed_by_hand_is_used_without_the_hub(monkeypatch, tmp_path):
    fail_with(monkeypatch, AssertionError("the hub must not be asked"))
    (tmp_path / "by_hand").mkdir()
    placed = tmp_path / "by_hand" / CARD.file
    assert hub.local_checkpoint(CARD) is None
    placed.write_bytes(b"weights")
    assert hub.fetch_checkpoint(CARD) == placed


def test_a_file_in_the_hub_cache_is_used_without_the_hub(monkeypatch, tmp_path):
    fail_with(monkeypatch, AssertionError("the hub must not be asked"))
    snapshot = tmp_path / "cache" / "models--OpenGVLab--VideoMamba" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (snapshot.parents[1] / "refs").mkdir()
    (snapshot.parents[1] / "refs" / "main").write_text("abc")
    (snapshot / CARD.file).write_bytes(b"weights")
    assert hub.fetch_checkpoint(CARD) == snapshot / CARD.file


def test_progress_hears_about_the_download(monkeypatch, tmp_path):
    def download(repo, file, tqdm_class):
        assert (repo, file) == (CARD.hub_repo, CARD.file)
        with tqdm_class(total=200, initial=50, unit="B", desc=file) as bar:
            bar.update(50)
            bar.update(100)
        return str(tmp_path / file)

    answer_with(monkeypatch, download)
    heard = []
    path = hub.fetch_checkpoint(CARD, lambda fraction, message: heard.append((fraction, message)))
    assert path == tmp_path / CARD.file
    assert heard == [(0.5, f"fetching {CARD.file}"), (1.0, f"fetching {CARD.file}")]


def test_a_missing_shipped_file_is_not_sought_on_the_hub(monkeypatch):
    fail_with(monkeypatch, AssertionError("the hub must not be asked"))
    card = replace(CARD, hub_repo=None, file="videomamba_mini.gone.safetensors")
    with pytest.raises(WeightsError, match=r"videomamba_mini\.gone\.safetensors, which is not in"):
        hub.fetch_checkpoint(card)
