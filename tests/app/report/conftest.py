"""A clip with an awkward name, and all that can be known about it in one small setting."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.adaptor_models import AdaptorSetting
from app.adaptor_runs import AdaptorRuns
from app.attributions import class_probabilities, fresh_map
from app.faithfulness_runs import CurveChoice, curve_rows
from app.moma_models import MomaSetting
from app.moma_runs import moma_look
from app.order_answers import order_rows
from app.report.findings import gather
from app.report.page import report_page
from app.selection import Selection
from app.session import Session, planned
from app.settings import Settings
from app.what_if_runs import WhatIf, middle_part, outcome
from app.window_answers import plan_windows, window_answers

CLIP = Path(__file__).parents[2] / "data" / "clips" / "mocap_kick.mp4"
NAME = "<img src=x onerror=alert(1)> & 'kick'.mp4"
METHODS = ("saliency", "exact_last_layer")
ORDERS = ("spatial_first", "temporal_first")
ADAPTOR_PLACE = (5, 40)
"""Layer and token that memory was asked about."""
MOMENT = datetime(2030, 1, 2, 3, 4, tzinfo=UTC)


@pytest.fixture(scope="package")
def session(tmp_path_factory):
    return Session(Settings(cache_folder=tmp_path_factory.mktemp("report")))


@pytest.fixture(scope="package")
def selection(tmp_path_factory):
    clip = tmp_path_factory.mktemp("clips") / NAME
    shutil.copy(CLIP, clip)
    return Selection(str(clip), "videomamba_mini.camera", 4, 64, "temporal_first")


@pytest.fixture(scope="package")
def findings(session, selection):
    """Everything a page can show was computed before."""
    for _ in order_rows(session, selection, ORDERS, anew=False):
        pass
    (top, _, _), (second, _, _), *_ = class_probabilities(session, selection)
    maps = [fresh_map(session, selection, method, top) for method in METHODS]
    fresh_map(session, selection, METHODS[0], second)
    for _ in curve_rows(session, selection, maps, CurveChoice(units="frames")):
        pass
    grid = planned(selection).config.token_grid
    outcome(session, selection, WhatIf("reverse_time", middle_part(grid)))
    for _ in window_answers(session, selection, plan_windows(selection.clip, 1)):  # as browsers do
        pass
    moma_look(session, selection, MomaSetting())
    runs = AdaptorRuns(session)
    runs.look(selection, AdaptorSetting(), *ADAPTOR_PLACE)
    runs.forgetting(selection, AdaptorSetting(), ADAPTOR_PLACE[0])
    return gather(session, selection, made_at=MOMENT)


@pytest.fixture(scope="package")
def page(findings):
    return report_page(findings)
