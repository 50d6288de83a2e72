"""The actions as points moving through space, converted once from pybullet's motion files."""

import hashlib
import importlib.util
import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from analysis.training.errors import TrainingError
from analysis.training.motion_capture.skeleton import (
    FRAME_LENGTH,
    POINTS,
    SCALE,
    interpolated,
    read_skeleton,
)
from analysis.video.labels import label_names

ACTIONS = label_names("motion_capture")
RATE = 60.0

_FILES = {
    "dance, first": "dance_a",
    "dance, second": "dance_b",
    "get up from lying face down": "getup_facedown",
    "get up from lying face up": "getup_faceup",
    "spin kick": "spinkick",
}


class MotionCaptureError(TrainingError):
    """The motion-capture data is missing or damaged; the message says what to do."""


@dataclass(frozen=True)
class Motion:
    """One performance of an action.

    points: float64 (n, len(POINTS), 3), metres (x forward at the start, y left, z up), `RATE` per
        second. cyclic: whether it goes on from its end as from its start, further along by what
        the root travelled.
    """

    action: str
    points: np.ndarray
    cyclic: bool

    @property
    def duration_s(self) -> float:
        """From the first to the last frame."""
        return (len(self.points) - 1) / RATE

    def at(self, times_s: np.ndarray) -> np.ndarray:
        """Points (len(times_s), len(POINTS), 3). A motion that is not cyclic holds its ends."""
        cycles = np.floor(times_s / self.duration_s) if self.cyclic else np.zeros(len(times_s))
        place = (np.clip(times_s - cycles * self.duration_s, 0.0, self.duration_s)) * RATE
        before = np.minimum(place.astype(np.int64), len(self.points) - 2)
        share = (place - before)[:, None, None]
        points = (1.0 - share) * self.points[before] + share * self.points[before + 1]
        travel = self.points[-1, 0] - self.points[0, 0]
        points[..., :2] += (cycles[:, None] * travel[None, :2])[:, None]
        return points


def load_motions(
    cache: Path, progress: Callable[[str], None] = lambda message: None
) -> tuple[Motion, ...]:
    """The motions in the order of `ACTIONS`.

    They are converted on first use (a second or two; under 300 kB), which needs the package
    pybullet for its files, and kept in the folder `cache`, in a file named after everything that
    decides on its contents. Raises MotionCaptureError without pybullet.
    """
    path = cache / f"motions_{_settings_hash()}.npz"
    try:
        return read_motions(path)
    except FileNotFoundError:
        pass
    except (OSError, ValueError, KeyError) as error:
        progress(f"{path.name} is damaged ({error}): converting the motions again")
    data = _pybullet_data()
    progress("Converting pybullet's motion files")
    motions = convert(data)
    write_motions(motions, path)
    return motions


def convert(data: Path) -> tuple[Motion, ...]:
    """The motions in pybullet's data folder `data`. Raises MotionCaptureError."""
    motions = []
    try:
        skeleton = read_skeleton(data / "humanoid" / "humanoid.urdf")
        for action in ACTIONS:
            name = f"humanoid3d_{_FILES.get(action, action)}.txt"
            content = json.loads((data / "data" / "motions" / name).read_text(encoding="utf-8"))
            frames = np.array(content["Frames"], np.float64)
            points = skeleton.points(interpolated(frames[:, :FRAME_LENGTH], RATE))
            motions.append(Motion(action, points, content["Loop"] == "wrap"))
    except (OSError, KeyError, ValueError, AttributeError, SyntaxError) as error:
        raise MotionCaptureError(
            f"The motion files below {data} are not those of pybullet 3.2.7 ({error}): install "
            "that version with pip install pybullet==3.2.7."
        ) from error
    return tuple(motions)


def write_motions(motions: tuple[Motion, ...], path: Path) -> None:
    """Keep `motions` in `path`, an .npz file; a killed process leaves no half-written one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = {
        str(number): motion.points.astype(np.float32) for number, motion in enumerate(motions)
    }
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
        try:
            np.savez_compressed(
                file,
                actions=np.array([motion.action for motion in motions]),
                cyclic=np.array([motion.cyclic for motion in motions]),
                **arrays,
            )
            file.close()
            os.replace(file.name, path)
        except BaseException:
            os.unlink(file.name)
            raise


def read_motions(path: Path) -> tuple[Motion, ...]:
    """What `write_motions` kept. Raises OSError, ValueError or KeyError for another file."""
    with np.load(path, allow_pickle=False) as arrays:
        return tuple(
            Motion(str(action), arrays[str(number)].astype(np.float64), bool(cyclic))
            for number, (action, cyclic) in enumerate(
                zip(arrays["actions"], arrays["cyclic"], strict=True)
            )
        )


def _settings_hash() -> str:
    settings = repr((ACTIONS, POINTS, RATE, SCALE, "pybullet 3.2.7"))
    return hashlib.sha256(settings.encode()).hexdigest()[:12]


def _pybullet_data() -> Path:
    """The folder of pybullet's data files, found without starting pybullet."""
    found = importlib.util.find_spec("pybullet_data")
    if found is None or not found.submodule_search_locations:
        raise MotionCaptureError(
            "The motion-capture actions come with the package pybullet, which is not installed: "
            "run pip install pybullet==3.2.7."
        )
    return Path(found.submodule_search_locations[0])
