"""From the joint angles of a motion-capture file to points in space.

The skeleton is pybullet's `humanoid/humanoid.urdf` at a quarter of its size, 1.6 m tall. Frames of
its motion files hold, in this order: duration in seconds, root position (3), root rotation (4),
then the joints of `_JOINTS` with a quaternion each (scalar first), knees and elbows with one angle.
"""

from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

SCALE = 0.25
FRAME_LENGTH = 44

_SIDES = ("right", "left")
_JOINTS = (
    "chest",
    "neck",
    *(
        f"{side}_{joint}"
        for side in _SIDES
        for joint in ("hip", "knee", "ankle", "shoulder", "elbow")
    ),
)
_HINGES = ("knee", "elbow")

# Points that are not joints: the joint they are fixed to, and where (x forward, y up, in URDF
# units). Heel and toes are the ends of the URDF's foot, the head the middle of its sphere.
_FIXED = {
    "head": ("neck", (0.0, 0.70, 0.0)),
    "hair": ("neck", (-0.14, 0.80, 0.0)),
    **{f"{side}_heel": (f"{side}_ankle", (-0.05, -0.09, 0.0)) for side in _SIDES},
    **{f"{side}_toes": (f"{side}_ankle", (0.42, -0.10, 0.0)) for side in _SIDES},
}

POINTS = (
    "root",
    *_JOINTS,
    *(f"{side}_wrist" for side in _SIDES),
    *_FIXED,
)


@dataclass(frozen=True)
class Skeleton:
    """Parent and offset from it, float64 (3,) in metres, of every point of `POINTS` but the root.

    Offsets are in the parent's own axes.
    """

    parents: dict[str, str]
    offsets: dict[str, np.ndarray]

    def points(self, frames: np.ndarray) -> np.ndarray:
        """Positions (n, len(POINTS), 3) in metres of frames (n, 44): x forward, y left, z up."""
        places = {"root": frames[:, 1:4]}
        turns = {"root": _rotations(frames[:, 4:8])}
        column = 8
        for joint in _JOINTS:
            width = 1 if joint.endswith(_HINGES) else 4
            angles = frames[:, column : column + width]
            column += width
            parent = self.parents[joint]
            places[joint] = places[parent] + turns[parent] @ self.offsets[joint]
            turns[joint] = turns[parent] @ (
                _hinges(angles[:, 0]) if width == 1 else _rotations(angles)
            )
        for point in POINTS:
            if point not in places:
                parent = self.parents[point]
                places[point] = places[parent] + turns[parent] @ self.offsets[point]
        y_up = np.stack([places[point] for point in POINTS], axis=1)
        return np.stack([y_up[..., 0], -y_up[..., 2], y_up[..., 1]], axis=-1)


def read_skeleton(urdf: Path) -> Skeleton:
    """The skeleton in pybullet's humanoid.urdf. Others raise OSError, SyntaxError or KeyError."""
    parents, offsets = {}, {}
    # The file ends in a zero byte, which is not XML.
    text = urdf.read_text(encoding="utf-8").rstrip("\0")
    for joint in ElementTree.fromstring(text).iter("joint"):
        name = joint.attrib["name"]
        parents[name] = joint.find("parent").attrib["link"]
        xyz = joint.find("origin").attrib["xyz"].split()
        offsets[name] = SCALE * np.array(xyz, np.float64)
    for name, (parent, xyz) in _FIXED.items():
        parents[name], offsets[name] = parent, SCALE * np.array(xyz)
    return Skeleton(
        {point: parents[point] for point in POINTS[1:]},
        {point: offsets[point] for point in POINTS[1:]},
    )


def interpolated(frames: np.ndarray, rate: float) -> np.ndarray:
    """Frames (m, 44) at `rate` per second, first to last, from frames (n, 44) of any durations.

    Rotations go the short way round. The durations in column 0 become 1 / rate.
    """
    times = np.concatenate([[0.0], np.cumsum(frames[:-1, 0])])
    wanted = np.arange(round(times[-1] * rate) + 1) / rate
    first = np.clip(np.searchsorted(times, wanted, side="right") - 1, 0, len(times) - 2)
    share = ((wanted - times[first]) / (times[first + 1] - times[first])).clip(0.0, 1.0)[:, None]
    before, after = frames[first], frames[first + 1].copy()
    for start in _quaternion_columns():
        part = np.s_[:, start : start + 4]
        turned = (before[part] * after[part]).sum(axis=1) < 0
        after[turned, start : start + 4] *= -1.0
    mixed = before + share * (after - before)
    mixed[:, 0] = 1.0 / rate
    return mixed


def _quaternion_columns() -> list[int]:
    columns, column = [4], 8
    for joint in _JOINTS:
        if joint.endswith(_HINGES):
            column += 1
        else:
            columns.append(column)
            column += 4
    return columns


def _rotations(quaternions: np.ndarray) -> np.ndarray:
    """Matrices (n, 3, 3) of quaternions (n, 4), scalar first, of any length."""
    w, x, y, z = (quaternions / np.linalg.norm(quaternions, axis=1, keepdims=True)).T
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.array(rows).transpose(2, 0, 1)


def _hinges(angles: np.ndarray) -> np.ndarray:
    """Matrices (n, 3, 3) of turns about the z axis, that of knees and elbows."""
    cos, sin, zero, one = np.cos(angles), np.sin(angles), 0 * angles, 0 * angles + 1
    rows = [[cos, -sin, zero], [sin, cos, zero], [zero, zero, one]]
    return np.array(rows).transpose(2, 0, 1)
