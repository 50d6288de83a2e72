"""A visit to what the Retrieval tab says of matches: why, captions, and the similarity matrix."""

import json
import re

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser
MINUS = "\N{MINUS SIGN}"


def number(words: str) -> float:
    return float(words.replace(MINUS, "-"))


def sum_of_the_proof(page: Page) -> tuple[list[float], float, float]:
    """Parts, their written sum, and the model's own number."""
    *parts, total = map(number, page.locator("#why-view .match-sum b").all_inner_texts())
    return parts, total, number(page.locator("#why-view .match-own b").inner_text())


def compare_captions(page: Page, text: str) -> None:
    page.locator("#captions-text textarea").fill(text)
    page.locator("#captions-run").click()
    page.locator("#captions-notice .notice-done", has_text="2 sentences beside").wait_for()


def test_a_match_is_taken_apart_and_a_list_is_scored(visit, open_tab):
    page = visit()
    page.set_default_timeout(120_000)
    open_tab(page, "Retrieval")
    # The example search comes first, and its best moment is explained unasked.
    page.locator("#why-notice .notice-done").wait_for()
    parts, total, own = sum_of_the_proof(page)
    assert sum(parts) == pytest.approx(total, abs=0.002) and total == own
    compare_captions(page, "the camera tilts down\nan orange cross moves up")
    rows = page.locator("#captions-table tbody tr")
    expect(rows).to_have_count(2)
    best = rows.first.locator(".row-name").inner_text()
    similarity = rows.first.locator(".bar-share").inner_text()

    page.locator("#captions-why").click()
    caption = page.locator("#why-caption", has_text=f"\N{LEFT DOUBLE QUOTATION MARK}{best}")
    caption.wait_for()
    parts, total, own = sum_of_the_proof(page)
    assert sum(parts) == pytest.approx(total, abs=0.002)
    assert total == own == number(similarity)
    expect(page.locator("#why-view .badge-good").first).to_contain_text("adds up")
    expect(page.locator("#why-view .match-row")).to_have_count(4 + len(best.split()))

    # Heat over the moment's own frames, read out under the pointer.
    page.locator("#why-picture [data-drawn]").wait_for()
    stages = page.locator("#why-picture .tp-stage")
    expect(stages).to_have_count(4)
    assert "data:image/webp" in stages.first.locator(".tp-image").get_attribute("style")
    stages.first.hover(position={"x": 5, "y": 5})
    reading = page.locator("#why-picture .tp-reading")
    expect(reading).to_have_text(re.compile(rf"Frames 1.2, row 1, column 1: {MINUS}?[\d.e-]+"))

    with page.expect_download() as download:
        page.locator("#why-export").get_by_text("Save JSON").click()
    saved = json.loads(download.value.path().read_text())
    levels = saved["results"][0]["levels"]
    assert sum(levels["entering"]["tokens"]) == pytest.approx(parts[0], abs=6e-4)

    before = page.locator("#why-view .match-sum").inner_text()
    page.get_by_label("Shared out among", exact=True).click()
    page.get_by_role("option", name="Tokens after the last layer").click()
    expect(page.locator("#why-view .match-sum")).not_to_have_text(before)
    assert sum_of_the_proof(page)[1] == total
    page.locator("#why-other textarea, #why-other input").first.fill("a red star moves down")
    page.keyboard.press("Enter")
    expect(page.locator("#why-caption")).to_contain_text("the parts are those of the difference")

    page.locator("#matrix-run").click()
    page.locator("#matrix-notice .notice-done", has_text="12 texts, 12 videos").wait_for()
    expect(page.locator("#matrix-view td.right")).to_have_count(12)
    expect(page.locator("#matrix-figures")).to_contain_text("chance among 12")
    expect(page.locator("#matrix-caption")).to_contain_text("toy-trained")
    page.get_by_label("Scores", exact=True).click()
    page.get_by_role("option", name="Match score").click()
    expect(page.locator("#matrix-view .caption")).to_contain_text("Match score")

    # What goes wrong is a sentence, and what stood stays.
    page.locator("#captions-text textarea").fill("?!")
    page.locator("#captions-run").click()
    expect(page.locator("#captions-notice .notice-failed")).to_contain_text("has no words")
    expect(rows).to_have_count(2)
    assert page.outside_requests == [] and page.complaints == []
