"""Packages that hold photographs, and which files in them: see PHOTOGRAPHS.md for a table."""

from dataclasses import dataclass
from typing import Literal


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
        121,
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
        "GPL-2+",
        12,
        ("usr/share/backgrounds/mate/nature/*.jpg",),
    ),
    PhotographSource(
        "plasma-workspace-wallpapers",
        "debian",
        "GPL-2+",
        10,
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
        "CC-BY, CC-BY-SA or CC0, picture by picture",
        13,
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
        "lomiri-wallpapers-20.04", "debian", "CC-BY-SA-3.0", 1, (f"{_LOMIRI}Kleiber_by_*.jpg",)
    ),
    PhotographSource(
        "palapeli-data", "debian", "GPL-2+", 5, ("usr/share/palapeli/collection/*.jpg",)
    ),
    PhotographSource(
        "opencv-doc",
        "debian",
        "Apache-2.0 (the package's; origin of some pictures unstated)",
        35,
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
        5,
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
        1,
        ("usr/share/doc/libvigraimpex-dev/html/bears.jpg",),
    ),
    PhotographSource(
        "scikit-image==0.26.0",
        "python",
        "CC0 or public domain for most, as its documentation says picture by picture",
        11,
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
        "scikit-learn==1.9.0", "python", "CC-BY-2.0", 2, ("sklearn/datasets/images/*.jpg",)
    ),
)
