"""Visits to the hidden states in a real browser."""

import json
import re

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser


@pytest.fixture
def inside(visit):
    """The page with the tab open and its first map drawn."""
    page = visit("/", height=900)
    page.get_by_role("tab", name="Hidden states").click()
    title(page).filter(has_text="the mean of all patches").wait_for()
    return page


def title(page: Page):
    return page.locator("#hidden-map .tp-title")


def heat(page: Page) -> list[str]:
    """What the canvases over the frames show."""
    return page.locator("#hidden-map canvas").evaluate_all(
        "all => all.map(canvas => canvas.toDataURL())"
    )


def redrawn(page: Page, before: list[str]) -> None:
    page.wait_for_function(
        "before => [...document.querySelectorAll('#hidden-map canvas')]"
        ".some((canvas, i) => canvas.toDataURL() !== before[i])",
        arg=before,
    )


def click_patch(page: Page, step: int, row: int, column: int) -> None:
    stage = page.locator("#hidden-map .tp-stage").nth(step)
    box = stage.bounding_box()
    side = box["width"] / 8
    stage.click(position={"x": (column + 0.5) * side, "y": (row + 0.5) * side})


def test_a_clicked_patch_shows_who_feeds_it_and_whom_it_feeds(inside):
    page = inside
    before = heat(page)
    assert len(before) == 4 and len(set(before)) > 1
    click_patch(page, 1, 3, 2)
    expect(title(page)).to_have_text(re.compile(r"^Who feeds row 4, column 3 of frames 3.4"))
    redrawn(page, before)
    assert page.evaluate("scanscope.cursor.token") == 64 + 3 * 8 + 2
    expect(page.locator("#hidden-map .tp-reading")).to_have_text(
        re.compile(r"^Frames 3.4, row 4, column 3: [\d.]+$")
    )
    expect(page.locator("#hidden-caption")).to_contain_text("its own frames")
    expect(page.locator("#hidden-proof .badge-good")).to_contain_text("adds up")
    before = heat(page)
    page.get_by_text("Whom it feeds").click()
    expect(title(page)).to_contain_text("Whom row 4, column 3")
    redrawn(page, before)

    title(page).click()  # away from the choice, which has arrow keys of its own
    page.keyboard.press("Shift+ArrowRight")
    expect(title(page)).to_contain_text("Whom row 4, column 4")
    page.locator("#hidden-map .tp-label").nth(3).click()
    expect(title(page)).to_contain_text(re.compile("Whom frames 7.8 feeds"))
    page.locator("#hidden-map .tp-readout").click()
    expect(page.locator("#hidden_states-notice .notice-failed")).to_contain_text("feeds no token")
    expect(title(page)).to_contain_text(re.compile("Whom frames 7.8 feeds"))

    with page.expect_download() as download:
        page.locator("#hidden_states-export").get_by_text("Save JSON").click()
    saved = json.loads(download.value.path().read_text(encoding="utf-8"))
    assert saved["settings"]["completeness_error"] < 1e-4
    assert saved["settings"]["subject"] == "frame 3"
    assert len(saved["results"][0]["tokens"]) == 257
    with page.expect_download() as download:
        page.locator("#hidden-map .tp-save").click()
    assert download.value.path().read_bytes().startswith(b"\x89PNG")
    assert page.outside_requests == [] and page.complaints == []


def test_layer_direction_and_score_change_the_map_and_the_figures_of_the_layer(inside):
    page = inside
    page.locator("#hidden-matrix .matrix-picture").wait_for()
    evidence = page.locator("#hidden-evidence-caption").inner_text()
    before = heat(page)
    page.locator("#hidden-layer input[type=number]").fill("2")
    page.locator("#hidden-layer input[type=number]").press("Enter")
    expect(title(page)).to_contain_text("in layer 2 of 6")
    redrawn(page, before)
    expect(page.locator("#hidden-evidence-caption")).not_to_have_text(evidence)
    page.locator("#hidden-direction").get_by_text("Backward").click()
    expect(title(page)).to_contain_text("backward scan only")
    page.get_by_label("Measured as").click()
    page.get_by_role("option", name="Signed share").click()
    expect(page.locator("#hidden-map .tp-unit")).to_contain_text("blue points away")
    before = heat(page)
    page.locator("#hidden-map").get_by_role("button", name="Linear").click()
    redrawn(page, before)
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280
    # Drawn without asking only where the machine seems quick enough.
    page.get_by_role("button", name="Draw the field").click()
    expect(page.locator("#hidden-field img")).to_have_count(16)
    expect(page.locator("#hidden-field-caption")).to_contain_text("row 5, column 5 of frames 5")
    click_patch(page, 0, 1, 2)
    expect(title(page)).to_contain_text("row 2, column 3")
    page.get_by_role("button", name="Draw the field").click()
    expect(page.locator("#hidden-field-caption")).to_contain_text("row 2, column 3 of frames 1")
