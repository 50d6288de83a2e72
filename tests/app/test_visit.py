"""A visit with a real browser: what somebody sees and does on the page, one thing after another."""

import json
import re
from pathlib import Path

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from playwright.sync_api import Page, expect

from app.example_clips import list_examples

pytestmark = pytest.mark.browser

CLIPS = Path(__file__).parents[1] / "data" / "clips"
EXAMPLES = list_examples()


def upload(page: Page, path: Path) -> None:
    page.locator("#upload input[type=file]").set_input_files(path)


def choose(page: Page, label: str, option: str) -> None:
    page.get_by_label(label, exact=True).click()
    page.get_by_role("option", name=option, exact=True).click()


def test_the_page_opens_with_an_example_that_is_already_answered(page):
    first = EXAMPLES[0]
    expect(page.get_by_role("button", name=first.title)).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".film-name")).to_have_text(first.file)
    expect(page.locator(".film-tile")).to_have_count(8)
    expect(page.locator("#predict-answer .bar")).to_have_count(5)
    expect(page.locator("#predict-answer .badge").first).to_be_visible()
    expect(page.locator("#model-card .badge")).to_be_visible()
    expect(page.locator("#predict-caption")).to_contain_text("It saw 8 frames")
    assert page.locator("#predict-caption").bounding_box()["y"] < 800
    page.wait_for_timeout(600)  # longer than the page waits before it writes its address
    expect(page).to_have_url(re.compile(r"^http://[^/]+/$"))
    expect(page.locator("#link-notice")).to_be_hidden()


def test_results_leave_as_json_and_csv(page):
    with page.expect_download() as download:
        page.locator("#predict-export").get_by_text("Save JSON").click()
    document = json.loads(download.value.path().read_text(encoding="utf-8"))
    assert download.value.suggested_filename == f"{EXAMPLES[0].file}-prediction.json"
    (result,) = document["results"]
    assert result["clip"] == EXAMPLES[0].file
    assert result["predictions"][0]["label"] == page.locator(".answer-label").inner_text()
    assert "torch" in document["environment"]
    with page.expect_download() as download:
        page.locator("#predict-export").get_by_text("Save CSV").click()
    lines = download.value.path().read_text(encoding="utf-8").splitlines()
    assert len(lines) == 1 + len(result["predictions"])


@pytest.mark.parametrize(
    ("name", "word", "content"),
    [
        pytest.param("notes.mp4", "notes", b"These are notes, not a video.", id="text"),
        pytest.param("empty.mp4", "empty", b"", id="empty"),
        pytest.param(
            'it\'s "cut" & <b>.mp4', "cut", b"\0\0\0\x18ftypmp42" + b"\0" * 64, id="odd-name"
        ),
    ],
)
def test_a_broken_file_gives_a_sentence_and_the_earlier_result_stays(
    page, tmp_path, name, word, content
):
    before = page.locator("#predict-answer").inner_text()
    broken = tmp_path / name
    broken.write_bytes(content)
    upload(page, broken)
    notice = page.locator("#clip-notice .notice-failed", has_text=word)
    expect(notice).to_contain_text(re.compile(r"\w{4,}.*\."))
    assert "Traceback" not in page.content()
    assert "log explains" not in notice.inner_text()
    assert page.locator("#predict-answer").inner_text() == before
    expect(page.locator(".film-name")).to_have_text(EXAMPLES[0].file)


def test_an_uploaded_clip_is_answered(page, answered):
    upload(page, CLIPS / "hand_cup.mp4")
    expect(page.locator(".film-name")).to_have_text("hand_cup.mp4")
    expect(page.locator(".picker-clip").first).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".picker-clip").first).to_contain_text("hand_cup.mp4")
    answered(page)
    expect(page.locator(".timeline[data-duration^='8.']")).to_be_visible()
    page.get_by_role("button", name=EXAMPLES[0].title).click()
    expect(page.locator(".film-name")).to_have_text(EXAMPLES[0].file)


def test_another_scan_order_is_answered_at_once_and_called_by_its_name(page):
    choose(page, "Scan order", "Temporal first")
    expect(page.locator("#predict-facts")).to_contain_text("Temporal first")
    expect(page.locator("#predict-answer .badge").last).to_have_text(
        re.compile("reordered|untrained")
    )


def test_two_models_side_by_side_with_differences(page):
    page.get_by_label("Side by side with").click()
    page.keyboard.type("videomamba_mini")
    page.get_by_role("option", name="videomamba_mini \N{MIDDLE DOT} untrained").click()
    page.keyboard.press("Escape")
    table = page.locator("#predict-answer table")
    expect(table.locator("thead th")).to_have_count(3)
    expect(table).to_contain_text("videomamba_mini.untrained")


def test_a_large_model_says_what_it_costs_and_waits_for_a_click(page):
    page.get_by_label("Weights", exact=True).click()
    page.keyboard.type("videomamba_base")
    page.get_by_role("option", name="videomamba_base \N{MIDDLE DOT} untrained").click()
    expect(page.locator("#model-card .badge")).to_have_text("untrained")
    choose(page, "Frames", "64")
    expect(page.locator("#predict-notice .notice-stale")).to_contain_text("press the button")
    expect(page.locator("#setting-note")).to_contain_text("runs when you press the button")
    expect(page.locator(".film-source")).to_contain_text("224")
    assert page.outside_requests == [] and page.complaints == []
