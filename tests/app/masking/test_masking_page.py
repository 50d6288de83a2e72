"""Visits to Masking in a real browser."""

import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.browser

CLIPS = Path(__file__).parents[2] / "data" / "clips"


def drawn(page, words: str) -> None:
    """Wait until the chosen mask is one of this many tokens."""
    page.locator(".mv-count", has_text=words).wait_for()


def painted(page, canvas: str) -> str:
    return page.locator(canvas).first.evaluate("canvas => canvas.toDataURL()")


def runs(page) -> dict[str, float]:
    cards = page.locator(".mv-card").all()
    return {
        card.get_attribute("data-strategy"): float(card.locator("b").inner_text()) for card in cards
    }


def test_an_uploaded_clip_is_masked_by_every_strategy(visit):
    page = visit("/?tab=masking")
    drawn(page, "64 of 256")
    page.locator("#upload input[type=file]").set_input_files(CLIPS / "mocap_kick.mp4")
    page.locator(".film-name", has_text="mocap_kick.mp4").wait_for()
    page.locator('.mv-main[data-clip="mocap_kick.mp4"]').wait_for()
    assert page.locator(".mv-step").count() == 4

    found = runs(page)
    assert len(found) == 7
    assert min(found["clip_row"], found["frame_row"]) >= 8
    assert max(found["random"], found["tube"]) < 3
    page.locator('[data-order="temporal_first"]').click()
    turned = runs(page)
    assert turned["tube"] > found["tube"] and turned["frame_row"] < found["frame_row"] / 4
    page.locator('[data-order="spatial_first"]').click()

    page.locator('[data-strategy="attention"]').click()
    assert page.locator(".mv-title").inner_text() == "Attention"
    page.locator("#mask-caption", has_text="attention leaves runs").wait_for()
    assert page.get_by_label("Strategy", exact=True).input_value() == "Attention"
    assert "clip_mini.pictures" in page.locator(".mv-rule").inner_text()
    with_heat = painted(page, ".mv-picture")
    page.locator(".mv-guide").click()
    assert painted(page, ".mv-picture") != with_heat

    with page.expect_download() as download:
        page.get_by_role("button", name="Save NPZ").click()
    with np.load(io.BytesIO(download.value.path().read_bytes())) as saved:
        assert saved["attention"].shape == (4, 8, 8)
        assert (~saved["attention"]).sum() == 52
    with page.expect_download() as download:
        page.locator("#mask-export").get_by_text("Save JSON").click()
    report = json.loads(download.value.path().read_text())
    assert report["settings"]["clip"] == "mocap_kick.mp4" and len(report["results"]) == 7
    with page.expect_download() as download:
        page.locator(".mv-save").click()
    sheet = np.asarray(Image.open(io.BytesIO(download.value.path().read_bytes())).convert("RGB"))
    assert sheet.std() > 20
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280
    assert page.outside_requests == [] and page.complaints == []


def test_time_token_ratio_seed_and_weights_are_followed(visit):
    page = visit("/?tab=masking&mask=frame_row,0.6,5")
    drawn(page, "128 of 256")
    assert page.locator(".mv-title").inner_text() == "Frame-row"
    before = painted(page, ".mv-picture"), painted(page, ".mv-card-picture")
    page.locator(".mv-step").nth(2).click()
    assert page.evaluate("scanscope.cursor.frame") == 4
    assert (painted(page, ".mv-picture"), painted(page, ".mv-card-picture")) != before

    order = painted(page, ".mv-sequence")
    page.locator(".mv-sequence").click(position={"x": 5, "y": 5})
    assert page.evaluate("scanscope.cursor.token") is not None
    assert "the first patch" in page.locator(".mv-reading").inner_text()
    page.locator(".mv-sequence").hover(position={"x": 120, "y": 5})
    assert "in steps of 1, 1 and 1" in page.locator(".mv-reading").inner_text()
    assert painted(page, ".mv-sequence") != order

    page.locator("#mask-ratio input[type=range]").focus()
    page.keyboard.press("ArrowRight")
    drawn(page, "65\u202f% asked for")
    page.wait_for_url(re.compile(r"mask=frame_row,0\.65,5"))
    one = painted(page, ".mv-card-lines")
    page.get_by_role("button", name="Draw anew").click()
    page.wait_for_function(
        "before => document.querySelector('.mv-card-lines').toDataURL() !== before", arg=one
    )
    assert page.get_by_label("Seed").input_value() != "5"

    # An image model has one frame to mask.
    page.get_by_label("Weights", exact=True).click()
    page.keyboard.type("videomamba_image_tiny")
    page.get_by_role("option", name="videomamba_image_tiny \N{MIDDLE DOT} untrained").click()
    drawn(page, "of 196")
    assert page.locator(".mv-step").count() == 1
    assert page.complaints == []
