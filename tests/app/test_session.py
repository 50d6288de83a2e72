import shutil
from dataclasses import replace
from threading import Thread

import pytest

from analysis.video.limits import VideoError
from analysis.weights import WeightsError
from app.answers import answer, fresh_answer, in_own_setting, recalled_answer
from app.example_clips import list_examples
from app.selection import Selection
from app.session import Session, planned
from app.settings import Settings
from app.window_answers import MOST_WINDOWS, plan_windows, window_answers

CLIP = str(list_examples()[0].path)
MINI = Selection(CLIP, "videomamba_mini.untrained", 8, 64, "spatial_first")


@pytest.fixture
def session(tmp_path):
    return Session(Settings(cache_folder=tmp_path, kept_model_bytes=2_500_000, kept_clips=2))


def test_a_model_is_loaded_once_and_reads_in_the_order_that_is_asked_for(session):
    with session.loaded(MINI) as first:
        assert first.model.scan_order == "spatial_first"
    with session.loaded(replace(MINI, scan_order="alternating")) as second:
        assert second is first
        assert second.model.scan_order == "alternating"
    with session.loaded(MINI) as third:
        assert third.model.scan_order == "spatial_first"


def test_only_so_many_models_are_held(session):
    with session.loaded(MINI) as first:
        pass
    for frames in (4, 16):
        with session.loaded(replace(MINI, num_frames=frames)):
            pass
    with session.loaded(MINI) as again:
        assert again is not first


def test_one_caller_at_a_time_holds_a_model(session):
    order = []

    def other():
        with session.loaded(MINI):
            order.append("other")

    with session.loaded(MINI):
        thread = Thread(target=other)
        thread.start()
        thread.join(timeout=0.2)
        order.append("first")
    thread.join()
    assert order == ["first", "other"]


def test_an_answer_is_recalled_after_a_restart_and_equals_what_was_computed(session):
    assert recalled_answer(session, MINI) is None
    computed = answer(session, MINI)
    recalled = answer(Session(session.settings), MINI)
    assert (computed.recalled, recalled.recalled) == (False, True)
    assert recalled.prediction == computed.prediction
    assert not fresh_answer(session, MINI).recalled


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"num_frames": 4}, id="frames"),
        pytest.param({"image_size": 96}, id="resolution"),
        pytest.param({"scan_order": "alternating"}, id="scan-order"),
        pytest.param({"model": "videomamba_tiny.untrained"}, id="weights"),
    ],
)
def test_another_setting_is_another_result(session, change):
    assert session.key("answer", MINI) != session.key("answer", replace(MINI, **change))
    assert session.key("answer", MINI) != session.key("windows", MINI)
    assert session.key("answer", MINI) != session.key("answer", MINI, 5)


def test_other_bytes_under_the_same_name_are_another_result(session, tmp_path):
    path = tmp_path / "clip.mp4"
    shutil.copy(CLIP, path)
    before = session.key("answer", replace(MINI, clip=str(path)))
    shutil.copy(list_examples()[1].path, path)
    assert session.key("answer", replace(MINI, clip=str(path))) != before


def test_frames_can_be_shown_without_weights_and_are_those_the_model_reads(session):
    shown = session.sampled(MINI)
    with session.loaded(MINI) as loaded:
        assert session.sampled(MINI, loaded) is shown
        assert loaded.model.token_grid == planned(MINI).config.token_grid
    assert shown.pixels.shape == (8, 64, 64, 3)


def test_a_setting_no_model_can_have_is_one_sentence(session):
    with pytest.raises(WeightsError) as caught:
        session.sampled(replace(MINI, image_size=65))
    assert str(caught.value).count("\n") == 0


def test_a_file_that_is_no_video_is_one_sentence(session, tmp_path):
    text = tmp_path / "notes.mp4"
    text.write_text("not a video", encoding="utf-8")
    with pytest.raises(VideoError, match=r"notes\.mp4"):
        answer(session, replace(MINI, clip=str(text)))


def test_a_clip_that_was_cleared_away_is_one_sentence(session):
    with pytest.raises(VideoError, match=r"gone\.mp4.*upload it again"):
        answer(session, replace(MINI, clip="/nowhere/gone.mp4"))


def test_estimates_grow_with_the_work_and_follow_what_was_measured(session):
    quick = session.estimate_ms(MINI)
    tiny = in_own_setting(MINI, "videomamba_tiny.untrained")
    assert session.estimate_ms(tiny) > 20 * quick
    assert session.estimate_ms(replace(tiny, num_frames=16)) == pytest.approx(
        2 * session.estimate_ms(tiny)
    )
    session.run_times.record(MINI, 123.0)
    assert session.estimate_ms(replace(MINI, clip="another.mp4")) == 123.0
    session.run_times.record(MINI, 456.0)
    assert session.estimate_ms(MINI) == 123.0
    session.run_times.record(tiny, 2 * session.estimate_ms(tiny))
    assert not session.quick(replace(tiny, num_frames=64))


def test_windows_are_read_once_and_then_recalled(session):
    plan = plan_windows(CLIP, 1.0)
    read = list(window_answers(session, MINI, plan))
    assert len(read) == plan.count >= 4
    assert read[0].start_s == 0
    assert read[-1].end_s == pytest.approx(plan.duration_s, abs=0.05)
    assert list(window_answers(Session(session.settings), MINI, plan)) == read


def test_a_reading_given_up_half_way_is_not_remembered(session):
    plan = plan_windows(CLIP, 1.0)
    reading = window_answers(session, MINI, plan)
    next(reading)
    reading.close()
    with session.loaded(MINI) as loaded:
        assert loaded.model is not None
    assert session.recall(session.key("windows", MINI, plan.window_s, plan.stride_s)) is None


def test_long_clips_take_longer_steps():
    assert plan_windows(CLIP, 0.02).count <= MOST_WINDOWS + 1
