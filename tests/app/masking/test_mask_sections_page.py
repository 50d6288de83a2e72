"""Figures and effects in the Masking tab, on an uploaded clip in a real browser."""

import csv
import json
import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.browser

CLIPS = Path(__file__).parents[2] / "data" / "clips"
MEASURED = "35 points of 8 draws each, 6 costs"


def saved(page, name: str, kind: str) -> str:
    with page.expect_download() as download:
        page.locator(f"#{name}-export").get_by_text(f"Save {kind}").click()
    return download.value.path().read_text()


def test_figures_of_an_uploaded_clip_and_curves_that_stream_in(page, open_tab):
    page.locator("#upload input[type=file]").set_input_files(CLIPS / "hand_cup.mp4")
    page.locator("text=hand_cup.mp4").first.wait_for()
    open_tab(page, "Masking")
    page.locator("#mask-metrics-notice .notice-done", has_text="Means of 8 draws").wait_for()
    assert page.locator("#mask-strategies tbody tr").count() == 7
    assert page.locator("#mask-orders thead button").all_inner_texts()[3] == "5 mixed orders"
    rows = list(csv.DictReader(saved(page, "mask_metrics", "CSV").splitlines()))
    assert {row["strategy"] for row in rows if row["published"] == "False"} == {"block", "motion"}

    # Measured without asking only where the machine seems quick enough.
    ended = page.locator("#mask-effects-notice .notice-done")
    ended.filter(has_text=re.compile(f"{MEASURED}|Measure")).wait_for()
    if MEASURED not in ended.inner_text():
        page.locator("#mask-effects-run").click()
        ended.filter(has_text=MEASURED).wait_for()
    assert "The whole clip is " in page.locator("#mask-effects-caption").inner_text()
    found = json.loads(saved(page, "mask_effects", "JSON"))
    assert found["settings"]["clip"] == "hand_cup.mp4"
    assert len(found["results"][0]["points"]) == 35

    page.locator("#mask-strategies thead button", has_text="Mean run").click()
    first = page.locator("#mask-strategies tbody tr").first
    assert first.locator("[data-name='Mean run']").inner_text().startswith("1.")
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280
    assert page.outside_requests == [] and page.complaints == []
