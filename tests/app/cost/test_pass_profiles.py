"""Runs of the page's session under the profiler."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from analysis.profiling.errors import ProfilingError
from app.background import Stopped
from app.pass_profiles import BY_DIRECTION, ProfileChoice, estimated_ms, profiled_runs
from app.selection import Selection
from app.session import Session
from app.settings import Settings

CLIP = Path(__file__).parents[2] / "data" / "clips" / "mocap_kick.mp4"
MINI = Selection(str(CLIP), "videomamba_mini.untrained", 4, 32, "temporal_first")


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    return Session(Settings(cache_folder=tmp_path_factory.mktemp("profiles")))


def test_the_same_model_runs_direction_by_direction_beside_itself(session, tmp_path):
    shares = []
    choice = ProfileChoice(second=BY_DIRECTION, steps=1)
    together, apart = profiled_runs(session, MINI, choice, tmp_path, shares.append)
    assert (together.profile.fused_directions, apart.profile.fused_directions) == (True, False)
    assert together.facts["scan_order"] == apart.facts["scan_order"] == "temporal_first"
    assert {"reorder", "scan"} <= {cost.region for cost in together.profile.regions}
    assert apart.title == "videomamba_mini.untrained (direction by direction)"
    assert shares == sorted(shares) and shares[-1] == 1 and 0.5 in shares
    assert len({run.trace.parent.name for run in (together, apart)}) == 2
    assert all(run.trace.is_file() for run in (together, apart))


def test_a_second_model_reads_the_same_frames_at_the_same_size(session, tmp_path):
    choice = ProfileChoice(second="vit_tiny", attention_kernel="sdpa", steps=1)
    ours, peer = profiled_runs(session, MINI, choice, tmp_path)
    assert (peer.facts["num_frames"], peer.facts["image_size"]) == (4, 32)
    assert peer.facts["attention_kernel"] == "sdpa"
    assert peer.title == "vit_tiny (sdpa, random weights)"
    assert "trace_file" not in ours.row()


def test_the_session_keeps_its_model_as_it_was(session, tmp_path):
    with session.loaded(MINI) as loaded:
        before = {name: tensor.clone() for name, tensor in loaded.model.state_dict().items()}
    profiled_runs(session, MINI, ProfileChoice(training=True, steps=1), tmp_path)
    with session.loaded(MINI) as loaded:
        assert not loaded.model.training
        for name, tensor in loaded.model.state_dict().items():
            assert torch.equal(tensor, before[name])


def test_a_run_that_nobody_waits_for_lets_go_of_the_model(session, tmp_path):
    def stop(share: float) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        profiled_runs(session, MINI, ProfileChoice(steps=2), tmp_path, stop)
    with session.loaded(MINI) as loaded:
        assert loaded.card.name == MINI.model


@pytest.mark.parametrize(
    ("choice", "selection", "words"),
    [
        ({"second": "vit_huge"}, MINI, "there is no model 'vit_huge'"),
        ({"second": "vivit_tiny_joint"}, replace(MINI, image_size=40), "patches of 16"),
        ({"steps": 0}, MINI, "choose 1 to"),
        ({"steps": 999}, MINI, "choose 1 to"),
    ],
    ids=["unknown second model", "size of the second model", "no steps", "too many steps"],
)
def test_mistakes_are_one_sentence(session, tmp_path, choice, selection, words):
    with pytest.raises(ProfilingError, match=words):
        profiled_runs(session, selection, ProfileChoice(**{"steps": 1} | choice), tmp_path)


def test_longer_work_is_estimated_longer(session):
    short = estimated_ms(session, MINI, ProfileChoice(steps=1))
    assert short < estimated_ms(session, MINI, ProfileChoice(steps=5))
    assert short < estimated_ms(session, MINI, ProfileChoice(steps=1, training=True))
    assert estimated_ms(session, MINI, ProfileChoice(steps=1, second="vit_tiny")) == 2 * short
