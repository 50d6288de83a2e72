"""A visit to What if in a real browser."""

import json

import pytest

pytestmark = pytest.mark.browser


def answered(page, words: str = "tokens of the clip covered") -> None:
    page.locator("#what-if-caption", has_text=words).wait_for()
    page.locator("#what_if-notice .notice-done", has_text="Two answers").wait_for()


def test_a_part_is_drawn_and_the_answer_follows(visit, open_tab, becomes_narrow):
    page = visit("/?__theme=dark", height=900, theme="dark")
    open_tab(page, "What if")
    answered(page)
    page.locator("#what-if-caption", has_text="64 tokens").wait_for()
    box = page.locator(".region-stage").bounding_box()
    page.mouse.move(box["x"] + 3, box["y"] + 3)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 4 - 3, box["y"] + box["height"] - 3)
    page.mouse.up()
    answered(page, "64 tokens")
    page.locator(".region-steps button").first.click()
    answered(page, "48 tokens")

    page.locator("#what-if-name label", has_text="Scale step sizes").click()
    answered(page, "Step size of 48 tokens times 2")
    assert page.locator("#what-if-directions").is_visible()
    page.locator("#what-if-name label", has_text="Reverse time").click()
    answered(page, "Time reversed")
    assert page.locator("#what-if-part").is_hidden()

    with page.expect_download() as download:
        page.locator("#what_if-export").get_by_text("Save JSON").click()
    saved = json.loads(download.value.path().read_text())
    assert saved["settings"]["order"] == [7, 6, 5, 4, 3, 2, 1, 0]
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280
    becomes_narrow(page)
    assert page.outside_requests == [] and page.complaints == []
