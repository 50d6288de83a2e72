"""Fetching photographs, with the package managers replaced: no test needs a network."""

import io
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image

from analysis.training.camera import photograph_fetching
from analysis.training.camera.photograph_fetching import fetch_photographs, resource_pictures
from analysis.training.camera.photograph_sources import PhotographSource
from analysis.training.camera.photographs import PhotographsError


def encoded(photograph, kind: str, size=(320, 240)) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(photograph.pixels).resize(size).save(buffer, kind)
    return buffer.getvalue()


def bundle(*entries: bytes) -> bytes:
    """A Qt resource bundle as far as its data goes: each entry behind its length."""
    return b"qres" + bytes(20) + b"".join(len(e).to_bytes(4, "big") + e for e in entries)


def test_pictures_are_found_in_a_resource_bundle(photographs):
    jpeg, webp = encoded(photographs[0], "JPEG"), encoded(photographs[1], "WEBP")
    icon = encoded(photographs[2], "JPEG", size=(64, 64))
    damaged = jpeg[: len(jpeg) // 2]
    content = bundle(b"import QtQuick 2.12" * 9, jpeg, icon, damaged, webp)
    assert resource_pictures(content) == [(".jpg", jpeg), (".webp", webp)]


SOURCE = PhotographSource(
    "wallpapers", "debian", "CC0-1.0", 3, ("usr/share/*.jpg", "usr/share/*.rcc", "*/images/*.jpg")
)


@pytest.fixture
def package(photographs, monkeypatch):
    """One source whose package is unpacked from thin air; counts how often."""
    calls = []

    def unpack(name: str, scratch: Path, contents: Path) -> None:
        calls.append(name)
        for folder in ("usr/share", "usr/wallpapers/Path/contents/images"):
            (contents / folder).mkdir(parents=True)
        jpeg = encoded(photographs[0], "JPEG")
        (contents / "usr/share/one.jpg").write_bytes(jpeg)
        (contents / "usr/share/readme.txt").write_text("no picture")
        (contents / "usr/share/more.rcc").write_bytes(bundle(jpeg))
        (contents / "usr/wallpapers/Path/contents/images/2560x1600.jpg").write_bytes(jpeg)

    monkeypatch.setattr(photograph_fetching, "PHOTOGRAPH_SOURCES", (SOURCE,))
    monkeypatch.setattr(photograph_fetching, "_unpack_debian", unpack)
    return calls


def test_photographs_are_kept_under_clear_names_and_fetched_once(package, tmp_path):
    for _ in range(2):
        folder = fetch_photographs(tmp_path / "cache")
    names = sorted(p.name for p in (folder / "wallpapers").iterdir())
    assert names == ["Path_2560x1600.jpg", "complete.txt", "more_000.jpg", "one.jpg"]
    assert package == ["wallpapers"]


def test_runs_that_start_at_once_fetch_once(package, tmp_path):
    with ThreadPoolExecutor(4) as pool:
        assert {*pool.map(fetch_photographs, 4 * [tmp_path])} == {tmp_path}
    assert package == ["wallpapers"]


def test_a_package_without_the_photographs_is_refused(package, tmp_path, monkeypatch):
    monkeypatch.setattr(photograph_fetching, "_unpack_debian", lambda *arguments: None)
    with pytest.raises(PhotographsError, match="holds none of the expected photographs"):
        fetch_photographs(tmp_path)


@pytest.mark.parametrize(
    "failure",
    [
        FileNotFoundError("No such file: apt-get"),
        subprocess.CalledProcessError(100, "apt-get", stderr="E: Unable to connect"),
        subprocess.TimeoutExpired("apt-get", 900),
    ],
    ids=["no apt", "no network", "too slow"],
)
def test_without_apt_or_network_the_message_names_the_way_out(failure, tmp_path, monkeypatch):
    def fail(*arguments, **options):
        raise failure

    monkeypatch.setattr(subprocess, "run", fail)
    with pytest.raises(PhotographsError, match="Check the network, or use --photographs FOLDER"):
        fetch_photographs(tmp_path)
