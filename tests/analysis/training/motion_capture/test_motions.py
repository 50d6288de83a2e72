"""Reading and keeping motions; against pybullet itself where it is installed."""

import importlib.util

import numpy as np
import pytest

from analysis.training.motion_capture import motions as module
from analysis.training.motion_capture.motions import (
    ACTIONS,
    RATE,
    Motion,
    MotionCaptureError,
    load_motions,
    read_motions,
    write_motions,
)
from analysis.training.motion_capture.skeleton import POINTS, interpolated, read_skeleton

needs_pybullet = pytest.mark.skipif(
    importlib.util.find_spec("pybullet") is None, reason="pybullet is not installed"
)


def glide(cyclic: bool) -> Motion:
    """One second at 1 m/s along x, rising by 0.2 m."""
    points = np.zeros((61, len(POINTS), 3))
    points[..., 0] = (np.arange(61) / RATE)[:, None]
    points[..., 2] = 0.2 * points[..., 0]
    return Motion("walk", points, cyclic)


@pytest.mark.parametrize(
    ("cyclic", "time", "x", "z"),
    [
        (True, 0.0, 0.0, 0.0),
        (True, 0.5, 0.5, 0.1),
        (True, 2.25, 2.25, 0.05),
        (True, -0.75, -0.75, 0.05),
        (False, 0.5, 0.5, 0.1),
        (False, 2.25, 1.0, 0.2),
        (False, -0.75, 0.0, 0.0),
    ],
    ids=lambda value: str(value),
)
def test_cyclic_motions_go_on_and_others_hold(cyclic, time, x, z):
    points = glide(cyclic).at(np.array([time]))
    assert points.shape == (1, len(POINTS), 3)
    np.testing.assert_allclose(points[0, :, 0], x, atol=1e-9)
    np.testing.assert_allclose(points[0, :, 2], z, atol=1e-9)


def test_times_between_frames_are_interpolated():
    time = 10.3 / RATE
    np.testing.assert_allclose(glide(False).at(np.array([time]))[0, 0, 0], time)


def test_motions_survive_being_kept(motions, tmp_path):
    path = tmp_path / "deep" / "motions.npz"
    write_motions(motions, path)
    again = read_motions(path)
    assert [(m.action, m.cyclic) for m in again] == [(m.action, m.cyclic) for m in motions]
    for kept, motion in zip(again, motions, strict=True):
        np.testing.assert_allclose(kept.points, motion.points, atol=1e-6)
    assert [p.name for p in path.parent.iterdir()] == ["motions.npz"]


def test_a_failed_write_leaves_the_old_file(motions, tmp_path, monkeypatch):
    path = tmp_path / "motions.npz"
    write_motions(motions[:1], path)

    def full(*args, **kwargs):
        raise OSError("No space left on device")

    monkeypatch.setattr(module.np, "savez_compressed", full)
    with pytest.raises(OSError, match="No space left"):
        write_motions(motions, path)
    assert len(read_motions(path)) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["motions.npz"]


def test_the_cache_is_used_without_pybullet(motions, tmp_path, monkeypatch):
    monkeypatch.setattr(module.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MotionCaptureError, match=r"pip install pybullet==3\.2\.7\.$"):
        load_motions(tmp_path)
    write_motions(motions, tmp_path / f"motions_{module._settings_hash()}.npz")
    assert len(load_motions(tmp_path)) == len(ACTIONS)


def test_other_files_are_named(tmp_path):
    with pytest.raises(MotionCaptureError, match=r"are not those of pybullet 3\.2\.7"):
        module.convert(tmp_path)


def test_rotations_are_interpolated_the_short_way_round():
    """Half way between a quaternion and its negative is the same rotation, not none."""
    frames = np.zeros((2, 44))
    frames[:, 0] = 0.1
    frames[0, 4], frames[1, 4] = 1.0, -1.0
    np.testing.assert_allclose(np.abs(interpolated(frames, 20.0)[:, 4]), 1.0)
    assert len(interpolated(frames, 20.0)) == 3


@needs_pybullet
def test_a_damaged_cache_is_converted_again(tmp_path):
    (tmp_path / f"motions_{module._settings_hash()}.npz").write_bytes(b"half of a file")
    messages = []
    motions = load_motions(tmp_path, messages.append)
    assert [motion.action for motion in motions] == list(ACTIONS)
    assert ["damaged" in messages[0], "Converting" in messages[1]] == [True, True]
    assert load_motions(tmp_path, messages.append)[0].action == ACTIONS[0]
    assert len(messages) == 2


@pytest.mark.parametrize("name", ["walk", "cartwheel", "getup_faceup"])
def test_joints_are_where_pybullet_puts_them(humanoid, name):
    frames = humanoid.frames(name)
    frames = frames[:: len(frames) // 4]
    points = read_skeleton(humanoid.data / "humanoid" / "humanoid.urdf").points(frames)
    for frame, ours in zip(frames, points, strict=True):
        for joint, (x, y, z) in humanoid.pose(frame).items():
            np.testing.assert_allclose(ours[POINTS.index(joint)], (x, -z, y), atol=1e-4)
