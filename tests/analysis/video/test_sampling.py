"""Frame numbers worked out by hand, and what must hold for any clip."""

import numpy as np
import pytest

from analysis.video.sampling import (
    View,
    Window,
    demo_indices,
    dense_windows,
    dense_windows_s,
    k400_test_indices,
    k400_train_indices,
    k400_validation_indices,
    multi_view,
    retrieval_middle_indices,
    ssv2_test_indices,
    ssv2_validation_indices,
    uniform_indices,
)


def k400_train(frame_count: int, num_frames: int) -> np.ndarray:
    return k400_train_indices(frame_count, num_frames, np.random.default_rng(0))


# rule, frames in the clip, frames wanted, further arguments, expected; with the arithmetic beside
TABLE = {
    # segment 100/4 = 25; shift int(25/5 * (clip + 1)) = 5, 10, 15, 20
    "k400_clip_0_of_4": (k400_test_indices, 101, 4, (0, 4), [5, 30, 55, 80]),
    "k400_clip_3_of_4": (k400_test_indices, 101, 4, (3, 4), [20, 45, 70, 95]),
    # segment 10/4 = 2.5: starts 0, 2.5 -> 2, 5, 7.5 -> 8; shift int(2.5/2) = 1
    "k400_validation_rounds_half_to_even": (k400_validation_indices, 11, 4, (), [1, 3, 6, 9]),
    # segment 2/8: starts 0, .25, .5 -> 0, .75 -> 1, 1, 1.25 -> 1, 1.5 -> 2, 1.75 -> 2; shift 0
    "k400_short_clip": (k400_test_indices, 3, 8, (), [0, 0, 0, 1, 1, 1, 2, 2]),
    # COIN: segment 220/2 = 110; shift int(110/11 * 10) = 100: 100, 210
    "coin_clip_9_of_10": (k400_test_indices, 221, 2, (9, 10), [100, 210]),
    # tick 10: starts 0, 10, 20, 30; middles 5, 15, 25, 35
    "ssv2_clip_0_starts": (ssv2_test_indices, 40, 4, (0, 2), [0, 10, 20, 30]),
    "ssv2_clip_1_middles": (ssv2_test_indices, 40, 4, (1, 2), [5, 15, 25, 35]),
    # pool 0 5 10 15 20 25 30 35, filled up to 12 with 35; every third from 2
    "ssv2_clip_2_of_3_pads": (ssv2_test_indices, 40, 4, (2, 3), [10, 25, 35, 35]),
    # tick 0.75: starts 0 0 1 2, middles 0 1 1 2: pool 0 1 2, filled up to 8 with 2
    "ssv2_short_clip": (ssv2_test_indices, 3, 4, (0, 2), [0, 2, 2, 2]),
    # tick 2.5: 1.25, 3.75, 6.25, 8.75, all truncated
    "ssv2_validation": (ssv2_validation_indices, 10, 4, (), [1, 3, 6, 8]),
    # segment 100/16 = 6.25, start int(3.125) = 3; 12.5 -> 12, 37.5 -> 38, 62.5 -> 62, 87.5 -> 88
    "demo": (
        demo_indices,
        101,
        16,
        (),
        [3, 9, 15, 22, 28, 34, 41, 47, 53, 59, 65, 72, 78, 84, 91, 97],
    ),
    # edges 0 25 50 75 100: (0 + 24)//2, (25 + 49)//2, ...
    "retrieval_middle": (retrieval_middle_indices, 100, 4, (), [12, 37, 62, 87]),
    # edges 0 2 5 7 10: (0+1)//2, (2+4)//2, (5+6)//2, (7+9)//2
    "retrieval_uneven": (retrieval_middle_indices, 10, 4, (), [0, 3, 5, 8]),
    "retrieval_short_clip": (retrieval_middle_indices, 3, 5, (), [0, 1, 2, 2, 2]),
    # 99/7 = 14.142...: 0, 14.1, 28.3, 42.4, 56.6, 70.7, 84.9, 99
    "uniform": (uniform_indices, 100, 8, (), [0, 14, 28, 42, 57, 71, 85, 99]),
    "uniform_one_frame": (uniform_indices, 100, 1, (), [0]),
    "uniform_short_clip": (uniform_indices, 2, 5, (), [0, 0, 0, 1, 1]),
}
RULES = {
    "k400_test": k400_test_indices,
    "k400_validation": k400_validation_indices,
    "k400_train": k400_train,
    "ssv2_test": ssv2_test_indices,
    "ssv2_validation": ssv2_validation_indices,
    "demo": demo_indices,
    "retrieval_middle": retrieval_middle_indices,
    "uniform": uniform_indices,
}


@pytest.mark.parametrize("case", TABLE)
def test_worked_by_hand(case: str) -> None:
    rule, frame_count, num_frames, further, expected = TABLE[case]
    assert rule(frame_count, num_frames, *further).tolist() == expected


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
@pytest.mark.parametrize("num_frames", [1, 3, 8, 16, 64])
def test_length_range_and_order(rule, num_frames: int) -> None:
    for frame_count in [*range(1, 70), 300, 1001]:
        indices = rule(frame_count, num_frames)
        assert indices.shape == (num_frames,) and indices.dtype == np.int64
        assert indices[0] >= 0 and indices[-1] < frame_count
        assert (np.diff(indices) >= 0).all()


@pytest.mark.parametrize(("rule", "clips"), [(k400_test_indices, 4), (ssv2_test_indices, 2)])
def test_clips_of_a_long_video_share_no_frame(rule, clips: int) -> None:
    chosen = np.concatenate([rule(400, 16, clip_index, clips) for clip_index in range(clips)])
    assert len(set(chosen.tolist())) == 16 * clips


def test_training_draws_each_frame_of_a_segment_and_repeats_with_the_seed() -> None:
    """Segment 40/4 = 10: the second of four lies within 10 to 20, both included."""
    generator = np.random.default_rng(3)
    draws = np.array([k400_train_indices(41, 4, generator) for _ in range(600)])
    for segment in range(4):
        assert set(draws[:, segment]) == set(range(10 * segment, 10 * segment + 11))
    again = k400_train_indices(41, 4, np.random.default_rng(3))
    assert again.tolist() == draws[0].tolist()


def test_multi_view_lists_every_crop_of_every_clip() -> None:
    assert multi_view(2) == (
        View(0, 0),
        View(0, 1),
        View(0, 2),
        View(1, 0),
        View(1, 1),
        View(1, 2),
    )
    assert multi_view(2, crops=1) == (View(0, "center"), View(1, "center"))


@pytest.mark.parametrize(
    ("frame_count", "window", "stride", "expected"),
    [
        (10, 4, 3, [(0, 4), (3, 7), (6, 10)]),
        (11, 4, 3, [(0, 4), (3, 7), (6, 10), (7, 11)]),  # the last moved back to the end
        (10, 4, 8, [(0, 4), (6, 10)]),
        (4, 4, 1, [(0, 4)]),
        (3, 8, 4, [(0, 3)]),  # shorter than one window
    ],
)
def test_dense_windows(frame_count, window, stride, expected) -> None:
    windows = dense_windows(frame_count, window, stride)
    assert windows == tuple(Window(*bounds) for bounds in expected)


def test_windows_in_seconds_of_a_steady_clip() -> None:
    """4 s at 10 frames per second: 1 s holds 10 frames, every 0.5 s is every 5 frames."""
    windows = dense_windows_s(np.arange(40) / 10, window_s=1.0, stride_s=0.5)
    assert windows == dense_windows(40, 10, 5)


def test_windows_in_seconds_follow_real_times() -> None:
    """Frames at 0, 0.1, 0.2, 3.0, 3.1 s. Windows of 1 s begin at 0, 1 and 2 s, and one ends
    with the clip; nothing changes on screen from 0.2 to 3.0 s, so frame 2 stands for it."""
    windows = dense_windows_s(np.array([0, 0.1, 0.2, 3.0, 3.1]), window_s=1.0, stride_s=1.0)
    assert windows == (Window(0, 3), Window(2, 3), Window(2, 3), Window(3, 5))


def test_windows_in_seconds_of_a_short_clip() -> None:
    assert dense_windows_s(np.array([0.0, 0.4]), 1.0, 0.5) == (Window(0, 2),)


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        (lambda: uniform_indices(0, 8), "Got 0 frames in the clip and 8 for the model"),
        (lambda: demo_indices(8, 0), "both must be 1 or more"),
        (lambda: k400_test_indices(8, 8, 4, 4), "Clip 4 of 4 .* use 0 to 3"),
        (lambda: ssv2_test_indices(8, 8, 0, 1), "2 clips or more"),
        (lambda: multi_view(4, crops=2), "1 or 3 crops"),
        (lambda: dense_windows(8, 0, 1), "all must be 1 or more"),
        (lambda: dense_windows_s(np.zeros(3), 1.0, 0.0), "all must be above 0"),
    ],
)
def test_impossible_requests_say_what_to_use(call, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        call()
