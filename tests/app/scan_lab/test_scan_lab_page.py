"""Visits to the scan lab in a real browser."""

import json
import re

import pytest

from analysis.ops.scan_order import SCAN_ORDERS
from app.theme import SCAN_ORDER_NAMES

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

PAUSED_AT_ITS_FIRST_STEP = """() => new Promise((found) => {
  const play = document.querySelector(".path-play"), step = document.querySelector(".path-step");
  const observer = new MutationObserver(() => {
    observer.disconnect();
    found([parseInt(step.textContent.slice(5)), play.textContent]);
    play.click();
  });
  observer.observe(step, { childList: true, characterData: true, subtree: true });
  play.click();
})"""
FOUR = ("Spatial first", "Temporal first", "Spatiotemporal v2", "Alternating")


@pytest.fixture(scope="module")
def lab(stay):
    """The page with the tab open, before anything is run."""
    page = stay("/?__theme=dark", height=900, theme="dark")
    page.get_by_role("tab", name="Scan lab").click()
    page.locator("#scan-table table").wait_for()
    page.locator(".path-card").first.wait_for()
    return page


def choose(page, names) -> None:
    """Tick exactly these orders."""
    for box in page.locator("#scan-orders label").all():
        wanted = box.inner_text().strip() in names
        if box.locator("input").is_checked() != wanted:
            box.click()
    page.wait_for_function(
        "count => document.querySelectorAll('#scan-table tbody tr').length === count",
        arg=len(names),
    )


def compare(page, count: int) -> None:
    page.locator("#scan-lab-run").click()
    page.wait_for_function(
        "count => document.querySelectorAll('#scan-table tr.run').length === count", arg=count
    )


def column(page, name: str) -> list[float]:
    cells = page.locator(f'#scan-table td[data-name="{name}"]')
    return cells.evaluate_all("cells => cells.map(cell => Number(cell.dataset.value))")


def painted(page) -> str:
    """What the first canvas shows, as data."""
    return page.locator(".path-canvas").first.evaluate("canvas => canvas.toDataURL()")


def test_geometry_and_paths_stand_before_anything_is_run(lab):
    page = lab
    page.locator(".path-slider").fill("400")
    pictures = set()
    for direction in ("Both", "Forward", "Backward"):
        page.get_by_role("button", name=direction, exact=True).click()
        pictures.add(painted(page))
    assert len(pictures) == 3

    choose(page, ("Spatial first", "Alternating"))
    assert page.locator(".path-card").count() == 2
    assert page.locator(".path-card canvas").count() == 3
    spatial, alternating = page.locator('#scan-table td[data-name="Temporal steps"]').all()
    assert " | " not in spatial.inner_text() and " | " in alternating.inner_text()

    choose(page, ())
    page.get_by_text("Choose at least one scan order to compare.").wait_for()
    page.locator("#scan-lab-run").click()
    page.get_by_text("Choose at least one scan order above, then press Compare.").wait_for()


def test_path_draws_itself_stops_and_can_be_scrubbed(lab):
    page = lab
    page.emulate_media(reduced_motion="no-preference")
    choose(page, ("Temporal first",))
    step, play = page.locator(".path-step"), page.locator(".path-play")
    expect(step).to_have_text(re.compile(r"step (\d+) of \1$"))
    expect(play).to_have_text("Play")
    total = int(step.inner_text().split()[-1])
    first_step, button = page.evaluate(PAUSED_AT_ITS_FIRST_STEP)
    assert first_step < total and button == "Pause"
    page.wait_for_timeout(200)
    assert step.inner_text() == f"step {first_step} of {total}"
    expect(play).to_have_text("Play")
    page.locator(".path-slider").fill("500")
    assert step.inner_text() == f"step {total // 2} of {total}"
    page.emulate_media(reduced_motion="reduce")


def test_four_orders_compared_sorted_and_saved(lab):
    page = lab
    choose(page, ())  # rows stand in the order in which they are ticked
    choose(page, FOUR)
    compare(page, 4)
    page.get_by_text("4 orders compared").wait_for()
    rows = page.locator("#scan-table tbody tr")
    assert rows.locator(".row-name").all_inner_texts() == list(FOUR)
    marks = [row.locator(".row-marks").inner_text() for row in rows.all()]
    assert all(re.search("trained order|reordered|untrained", text) for text in marks)
    assert ["our reading" in text for text in marks] == [False, True, True, True]

    page.get_by_role("button", name="Time", exact=True).click()
    assert column(page, "Time") == sorted(column(page, "Time"))
    page.get_by_role("button", name="Time", exact=True).click()
    assert column(page, "Time") == sorted(column(page, "Time"), reverse=True)

    with page.expect_download() as download:
        page.locator("#scan_lab-export").get_by_text("Save JSON").click()
    saved = json.loads(download.value.path().read_text())
    assert {row["scan_order"] for row in saved["results"]} == {
        "spatial_first",
        "temporal_first",
        "spatiotemporal_v2",
        "alternating",
    }
    assert all(row["caution"] for row in saved["results"])
    assert saved["settings"]["model"] == saved["results"][0]["model"]
    assert page.outside_requests == [] and page.complaints == []


def test_a_clicked_token_is_the_pages_token_and_nothing_sticks_out(lab):
    page = lab
    choose(page, [SCAN_ORDER_NAMES[order] for order in SCAN_ORDERS])
    compare(page, len(SCAN_ORDERS))
    page.get_by_text("7 orders compared").wait_for()  # until then canvases are drawn anew
    canvas = page.locator(".path-canvas").first
    box = canvas.bounding_box()
    canvas.click(position={"x": 3, "y": 3})
    assert page.evaluate("window.scanscope.cursor.token") == 0
    readings = page.locator(".path-reading").all_inner_texts()
    canvas.click(position={"x": box["width"] - 3, "y": box["height"] - 3})
    grid = page.evaluate("window.scanscope.clip.grid")
    assert page.evaluate("window.scanscope.cursor.token") == grid["t"] * grid["h"] * grid["w"] - 1
    assert page.locator(".path-reading").all_inner_texts() != readings
    page.locator(".js-plotly-plot").nth(3).wait_for()
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_function("width => document.documentElement.scrollWidth <= width", arg=width)
    assert page.complaints == []
