"""A visit to the profiler of Cost in a real browser."""

import json
import zipfile

import pytest

pytestmark = pytest.mark.browser


def test_a_run_is_profiled_enlarged_and_saved(any_page, open_tab):
    page = any_page
    open_tab(page, "Cost")
    page.locator("#profile-second input").click()
    page.get_by_role("option", name="The same, direction by direction", exact=True).click()
    page.locator("#profile-run").click()
    page.locator("#cost_profile-notice .notice-done", has_text="steps profiled").wait_for()
    assert page.locator("#profile-bars .region-bar").count() == 2
    assert page.locator("#profile-caption", has_text="times as long as").is_visible()
    regions = page.locator("#profile-regions tbody th")
    assert {"Scans", "Forward scan", "Backward scan", "Gate"} <= {
        text.split("\n")[0] for text in regions.all_inner_texts()
    }

    flame = page.locator("#profile-flame-0 .flame")
    layer = flame.locator(".flame-calls > i", has_text="layer 3")
    before = layer.bounding_box()["width"]
    layer.click()
    assert layer.bounding_box()["width"] > 3 * before
    assert "layer 3" in flame.locator(".flame-readout").inner_text()
    flame.get_by_text("Whole step").click()
    assert layer.bounding_box()["width"] == pytest.approx(before, abs=1)
    flame.locator(".flame-calls").press("ArrowDown")
    assert flame.locator("[data-chosen]").count() == 1

    with page.expect_download() as download:
        page.locator("#profile-log").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        traces = archive.namelist()
    assert len(traces) == 2 and all(name.endswith(".pt.trace.json") for name in traces)
    with page.expect_download() as download:
        page.locator("#profile-trace").click()
    assert "traceEvents" in json.loads(download.value.path().read_text())
    with page.expect_download() as download:
        page.locator("#profile-export").get_by_text("Save JSON").click()
    saved = json.loads(download.value.path().read_text())
    assert len(saved["results"]) == 2 and saved["settings"]["differences"]
    assert page.outside_requests == [] and page.complaints == []
