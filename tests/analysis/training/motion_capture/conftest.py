"""Made-up motions, so that most tests need no package of motion files, and pybullet's humanoid."""

import json
from pathlib import Path

import numpy as np
import pytest

from analysis.training.motion_capture.motions import ACTIONS, RATE, Motion
from analysis.training.motion_capture.skeleton import POINTS

# A standing person facing x: offset to the left (for left limbs) and height, in metres.
_HEIGHTS = {
    "root": 0.9,
    "chest": 1.13,
    "neck": 1.35,
    "head": 1.53,
    "hair": 1.55,
    "hip": 0.9,
    "knee": 0.48,
    "ankle": 0.08,
    "heel": 0.05,
    "toes": 0.05,
    "shoulder": 1.37,
    "elbow": 1.1,
    "wrist": 0.84,
}


def standing() -> np.ndarray:
    """Points (len(POINTS), 3) of a person who stands upright at the origin."""
    points = np.zeros((len(POINTS), 3))
    for number, point in enumerate(POINTS):
        side, _, joint = point.rpartition("_")
        width = 0.18 if joint in ("shoulder", "elbow", "wrist") else 0.085
        points[number, 1] = {"left": width, "right": -width, "": 0.0}[side]
        points[number, 2] = _HEIGHTS[joint]
        points[number, 0] = 0.1 if joint == "toes" else 0.0
    return points


@pytest.fixture(scope="session")
def motions() -> tuple[Motion, ...]:
    """Fifteen people gliding forward, each at a speed of its own; every other one is cyclic."""
    seconds = np.arange(61) / RATE
    return tuple(
        Motion(
            action,
            standing()[None] + np.array([0.1 * number, 0.0, 0.0]) * seconds[:, None, None],
            number % 2 == 0,
        )
        for number, action in enumerate(ACTIONS)
    )


_COLUMNS = {
    "chest": 8,
    "neck": 12,
    "right_hip": 16,
    "right_knee": 20,
    "right_ankle": 21,
    "right_shoulder": 25,
    "right_elbow": 29,
    "left_hip": 30,
    "left_knee": 34,
    "left_ankle": 35,
    "left_shoulder": 39,
    "left_elbow": 43,
}


class Humanoid:
    """pybullet's own figure, posed and seen by pybullet itself."""

    def __init__(self, pybullet, data: Path):
        self.pybullet, self.data = pybullet, data
        self.body = pybullet.loadURDF(
            str(data / "humanoid" / "humanoid.urdf"), globalScaling=0.25, useFixedBase=True
        )
        self.numbers = {
            pybullet.getJointInfo(self.body, number)[1].decode(): number
            for number in range(pybullet.getNumJoints(self.body))
        }

    def frames(self, name: str) -> np.ndarray:
        """The frames (n, 44) of one motion file."""
        path = self.data / "data" / "motions" / f"humanoid3d_{name}.txt"
        return np.array(json.loads(path.read_text(encoding="utf-8"))["Frames"])

    def pose(self, frame: np.ndarray) -> dict[str, tuple[float, float, float]]:
        """Take the pose of `frame` (44,); the positions of the joints, y up."""

        def scalar_last(column):
            return [*frame[column + 1 : column + 4], frame[column]]

        self.pybullet.resetBasePositionAndOrientation(self.body, frame[1:4], scalar_last(4))
        for joint, column in _COLUMNS.items():
            hinge = joint.endswith(("knee", "elbow"))
            state = [frame[column]] if hinge else scalar_last(column)
            self.pybullet.resetJointStateMultiDof(self.body, self.numbers[joint], state)
        return {
            joint: self.pybullet.getLinkState(
                self.body, self.numbers[joint], computeForwardKinematics=True
            )[4]
            for joint in (*_COLUMNS, "right_wrist", "left_wrist")
        }

    def outline(self, aim, azimuth, elevation, distance_m, view_m, size=128) -> np.ndarray:
        """Where it is seen, bool (size, size). `aim` has z up, like the angles."""
        level = np.cos(elevation)
        away = [level * np.cos(azimuth), level * np.sin(azimuth), np.sin(elevation)]
        eye = aim + distance_m * np.array(away)
        y_up = [(x, z, -y) for x, y, z in (eye, aim)]
        view = self.pybullet.computeViewMatrix(*y_up, (0, 1, 0))
        degrees = 2 * np.degrees(np.arctan(view_m / 2 / distance_m))
        lens = self.pybullet.computeProjectionMatrixFOV(degrees, 1.0, 1.0, 20.0)
        seen = self.pybullet.getCameraImage(
            size, size, view, lens, shadow=0, renderer=self.pybullet.ER_TINY_RENDERER
        )
        return np.reshape(seen[4], (size, size)) == self.body


@pytest.fixture
def humanoid():
    pybullet = pytest.importorskip("pybullet", reason="pybullet is not installed")
    data = Path(pytest.importorskip("pybullet_data").getDataPath())
    client = pybullet.connect(pybullet.DIRECT)
    yield Humanoid(pybullet, data)
    pybullet.disconnect(client)
