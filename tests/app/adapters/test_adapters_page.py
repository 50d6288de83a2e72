"""One visit to Adapters in a real browser, on a filmed clip, through both sections."""

import json

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser


def chosen(page: Page, menu: str, option: str) -> None:
    page.locator(f"#{menu} input").click()
    page.get_by_role("option", name=option, exact=True).click()


def clicked(page: Page, picture: str, step: int) -> None:
    page.locator(f"#{picture} .tp-stage").nth(step).click(position={"x": 10, "y": 10})


def test_a_clip_is_seen_through_moma_and_through_memory(visit):
    page = visit("/?clip=hand_cup.mp4&tab=adapters", height=900)
    page.locator("#adapters-notice .notice-done", has_text="Read in").wait_for()
    expect(page.locator("#adapters-moma-standing .badge").first).to_be_visible()
    expect(page.locator("#adapters-moma-map canvas")).to_have_count(8)
    expect(page.locator("#adapters-moma-answers tbody tr")).to_have_count(3)

    # A token in a corner hears of its window, and with scans of the whole clip.
    caption = page.locator("#adapters-moma-reach-caption")
    clicked(page, "adapters-moma-map", 1)
    expect(caption).to_contain_text("Row 1, column 1 of frame 2 hears of 16 of 512 tokens")
    expect(caption).to_contain_text("through windows and scans of 512")

    # Trained scans have parameters for one fusion, untrained ones for any.
    chosen(page, "adapters-moma-fusion", "Add: x + y")
    notice = page.locator("#adapters-notice .notice-failed")
    expect(notice).to_contain_text("moma_mini.camera was trained with seqmod")
    chosen(page, "adapters-moma-weights", "Untrained, seed 0")
    expect(page.locator("#adapters-moma-standing")).to_contain_text("untrained")
    chosen(page, "adapters-moma-fusion", "Add: x + y")
    expect(page.locator("#adapters-moma-answers tbody tr")).to_have_count(4)
    expect(page.locator("#adapters-moma-map-caption")).to_contain_text("no scale")
    with page.expect_download() as download:
        page.locator("#adapters-moma-export").get_by_text("Save JSON").click()
    saved = json.loads(download.value.path().read_text())
    assert saved["settings"]["fusion"] == "add"
    assert saved["results"][0]["clip"] == "hand_cup.mp4"

    page.locator("#adapters-memory-notice .notice-done", has_text="Read twice").wait_for()
    clicked(page, "adapters-memory-map", 1)
    page.locator("#adapters-memory-notice .notice-done", has_text="Places drawn").wait_for()
    strength = page.locator("#adapters-memory-strength input[type=number]")
    strength.fill("0")
    strength.press("Tab")
    expect(page.locator("#tab-adapters")).to_contain_text("At strength 0 the adaptors are")

    page.set_viewport_size({"width": 390, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.outside_requests == [] and page.complaints == []
