"""A visit to Attribution in a real browser."""

import io
import json
import re

import av
import pytest

pytestmark = pytest.mark.browser

QUICK = ("Saliency", "Exact contributions, last layer only")


def choose(page, titles) -> None:
    """Tick exactly these methods, and wait for their maps."""
    for box in page.locator(".method-group label").all():
        if box.locator("input").is_checked() != (box.inner_text().strip() in titles):
            box.click()
    page.wait_for_function(
        "count => document.querySelectorAll('.map-card:not(.waiting)').length === count"
        " && document.querySelectorAll('.map-card').length === count",
        arg=len(titles),
    )
    page.locator("#attribution-notice .notice-done", has_text="drawn").wait_for()


def painted(page) -> str:
    return page.locator(".map-picture").first.evaluate("canvas => canvas.toDataURL()")


def test_maps_follow_the_cursor_are_judged_and_saved(visit, open_tab, becomes_narrow):
    page = visit("/?__theme=dark", height=900, theme="dark")
    open_tab(page, "Attribution")
    page.locator("#attribution-notice .notice-done", has_text="drawn").wait_for()
    choose(page, QUICK)
    titles = page.locator(".map-title").all_inner_texts()
    assert titles == list(QUICK)
    badges = page.locator(".map-proof .badge").all_inner_texts()
    assert badges[0] == "promises no sum" and badges[1].startswith("adds up")
    assert re.search("frames? .* carr", page.locator("#attribution-caption").inner_text())
    assert page.locator(".agreement-table td[style]").count() == 4

    page.get_by_label("Class", exact=True).click()
    page.get_by_role("option").nth(3).click()
    page.locator("#attribution-caption", has_text="not the model's answer").wait_for()
    page.locator("#attribution-notice .notice-done", has_text="2 maps drawn").wait_for()

    before = painted(page)
    page.locator(".map-card").first.locator(".map-step").nth(2).click()
    assert page.evaluate("scanscope.cursor.frame") == 4
    assert painted(page) != before
    page.locator(".map-picture").first.click(position={"x": 3, "y": 3})
    assert page.evaluate("scanscope.cursor.token") == 2 * 64

    before = painted(page)
    page.get_by_role("button", name="Pixels").click()
    assert painted(page) != before
    page.get_by_role("button", name="Pixels").click()
    assert painted(page) == before

    page.get_by_role("button", name="Measure").click()
    page.locator("#attribution-notice .notice-done", has_text="measured").wait_for()
    assert page.locator("#curve-areas tbody tr").count() == len(QUICK)
    assert "finds what" in page.locator("#curves-caption").inner_text()

    with page.expect_download() as download:
        page.locator("#attribution-export").get_by_text("Save JSON").click()
    saved = json.loads(download.value.path().read_text())
    assert [one["method"] for one in saved["results"]] == ["saliency", "exact_last_layer"]
    assert saved["settings"]["seed"] == 0
    with page.expect_download() as download:
        page.get_by_role("button", name="Save MP4").click()
    assert download.value.suggested_filename.endswith("-attribution.mp4")
    with av.open(io.BytesIO(download.value.path().read_bytes())) as video:
        assert video.streams.video[0].frames >= 8
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280
    becomes_narrow(page)
    assert page.outside_requests == [] and page.complaints == []
