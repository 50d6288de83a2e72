"""The frame around the tabs in a real browser: filmstrip, keys, light and dark, a phone."""

import re

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from playwright.sync_api import Page, expect

from app.example_clips import list_examples

pytestmark = pytest.mark.browser

EXAMPLES = list_examples()


def frame(page: Page) -> int:
    return page.evaluate("scanscope.cursor.frame")


def test_keys_play_and_step_and_list_themselves(page):
    expect(page.locator(".film-readout")).to_contain_text("frame 1 of 8")
    page.locator(".film-name").click()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert frame(page) == 2
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".film-readout")).to_contain_text("frame 2 of 8")
    page.keyboard.press("Space")
    page.wait_for_function("scanscope.playing && scanscope.cursor.frame > 3")
    page.keyboard.press("Space")
    assert page.evaluate("scanscope.playing") is False
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("play or pause")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()


def test_a_token_is_chosen_by_pointer_and_moved_by_keys(page):
    page.locator(".film-tile").first.click()
    page.get_by_role("button", name="Token grid").click()
    cells = page.locator(".film-grid i")
    expect(cells).to_have_count(64)
    cells.nth(9).click()
    expect(page.locator(".film-readout")).to_contain_text("token 9 (t 0, y 1, x 1)")
    page.keyboard.press("Shift+ArrowDown")
    expect(page.locator(".film-readout")).to_contain_text("token 17 (t 0, y 2, x 1)")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".film-readout")).to_contain_text("token 81 (t 1, y 2, x 1)")


def test_nothing_below_moves_when_an_answer_arrives(page, answered):
    heading = page.get_by_role("heading", name="Along the clip")
    before = heading.bounding_box()["y"]
    for example in EXAMPLES[1:3]:
        page.get_by_role("button", name=example.title).click()
        expect(page.locator(".film-name")).to_have_text(example.file)
        answered(page)
        assert abs(heading.bounding_box()["y"] - before) <= 4


def test_more_frames_change_the_filmstrip_and_the_answer(page):
    page.get_by_label("Frames", exact=True).click()
    page.get_by_role("option", name="16", exact=True).click()
    expect(page.locator(".film-tile")).to_have_count(16)
    expect(page.locator("#predict-facts")).to_contain_text("16 frames at 64")
    assert page.outside_requests == [] and page.complaints == []


def test_a_phone_keeps_light_or_dark_and_needs_no_scrolling_sideways(visit, answered):
    page = visit(width=390, height=844)
    answered(page)
    page.get_by_role("button", name="Light or dark").click()
    expect(page.locator("body")).to_have_class(re.compile("dark"))
    page.reload()
    expect(page.locator("body")).to_have_class(re.compile("dark"))
    answered(page)
    expect(page.locator("#sidebar")).not_to_have_class(re.compile(r"\bopen\b"))
    for tab, part in (("Scan lab", "#scan-table table"), ("Predict", "#predict-answer")):
        page.get_by_role("tab", name=tab).click()
        page.locator(part).wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_role("button", name="Toggle Sidebar").click()
    expect(page.get_by_label("Weights", exact=True)).to_be_visible()
