"""A visit to the Alignment section in a real browser."""

import json

import pytest

pytestmark = pytest.mark.browser


def test_it_follows_the_tab_and_reads_out_cosines(page, open_tab):
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
    assert page.outside_requests == [] and page.complaints == []
