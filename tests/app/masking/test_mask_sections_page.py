"""Figures, effects and alignment in the Masking tab, on an uploaded clip in a real browser."""

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


def test_alignment_follows_the_tab_and_reads_out_cosines(page, open_tab, becomes_narrow):
    open_tab(page, "Masking")
    page.locator("#alignment-notice .notice-done").wait_for()
    caption = page.locator("#alignment-caption")
    assert "Under the clip-row mask the student sees 64 of 256 patches" in caption.inner_text()
    page.locator("#mask-ratio input[type=number]").fill("0.5")
    page.locator("#mask-ratio input[type=number]").press("Enter")
    page.locator("#alignment-caption", has_text="128 of 256 patches").wait_for()
    page.locator("#alignment-notice .notice-done", has_text="128 tokens compared").wait_for()

    # Whole rows of 8 are hidden or seen; under the pointer each says which.
    stage = page.locator("#alignment-picture .tp-stage").first
    stage.scroll_into_view_if_needed()
    box = stage.bounding_box()
    reading = page.locator("#alignment-picture .tp-reading")
    said = []
    for row in range(8):
        page.mouse.move(box["x"] + 5, box["y"] + (row + 0.5) * box["height"] / 8)
        said.append(reading.inner_text())
    values = [words.rpartition(": ")[2] for words in said]
    assert all(
        words.startswith(f"Frames 1\N{EN DASH}2, row {row + 1},") for row, words in enumerate(said)
    )
    assert all(value == "hidden" or 0 < float(value) <= 1 for value in values)

    with page.expect_download() as download:
        page.locator("#alignment-export").get_by_text("Save JSON").click()
    saved = json.loads(download.value.path().read_text())
    tokens = saved["results"][0]["tokens"]
    assert [tokens[8 * row] is None for row in range(8)] == [value == "hidden" for value in values]
    assert saved["settings"]["student"] == "videomamba_student_mini.aligned"

    page.get_by_label("Frames", exact=True).click()
    page.get_by_role("option", name="16", exact=True).click()
    page.locator("#alignment-caption", has_text="not in the sidebar's 16 of 64").wait_for()
    becomes_narrow(page)
    assert page.locator("#alignment-picture .tp").bounding_box()["width"] <= 390
    assert page.locator("#mask-accuracies tbody tr").count() == 8
    assert page.outside_requests == [] and page.complaints == []
