"""The Cost tab in a real browser, and its endpoints over HTTP."""

import pytest

from app.cost_sweeps import reference_sweep, shown_sweeps


def test_the_endpoints_give_the_shipped_curves_and_plans(client):
    shipped = next(iter(shown_sweeps()))
    cost = client.predict(sweep=shipped, api_name="/cost")
    assert len(cost["results"]) == len(reference_sweep(shipped).results)
    assert {slope["measure"] for slope in cost["slopes"]} == {"latency_ms", "memory_bytes"}
    asked = {"memory_gb": 8, "image_size": 112, "frames": 0, "batch": 1, "sweep": shipped}
    rows = client.predict(**asked, api_name="/cost_plan")
    frames = [row["most_frames"] for row in rows]
    assert frames == sorted(frames, reverse=True) and frames[0] > 0
    with pytest.raises(Exception, match="There is no sweep 'none'"):
        client.predict(**asked | {"sweep": "none"}, api_name="/cost_plan")
    with pytest.raises(Exception, match="choose a multiple of 16"):
        client.predict(**asked | {"image_size": 100}, api_name="/cost_plan")


@pytest.mark.browser
def test_a_visitor_reads_plans_measures_and_stops(any_page, open_tab):
    pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    from playwright.sync_api import expect

    page = any_page
    open_tab(page, "Cost")
    expect(page.locator("#cost-growth-table")).to_contain_text("VideoMamba-Ti")
    expect(page.locator("#cost-conditions")).to_contain_text("threads of")
    expect(page.locator("#plan-sentence")).to_contain_text("64 frames of 224 px")
    page.get_by_label("Memory (GB)").fill("0.05")
    expect(page.locator("#plan-sentence")).to_contain_text("in 50.0\N{NARROW NO-BREAK SPACE}MB")
    page.get_by_label("Pixels a side").last.fill("100")
    expect(page.locator("#plan-notice")).to_contain_text("choose a multiple of 16")
    page.locator("#cost-run").click()
    expect(page.locator("#cost-notice")).to_contain_text("1 of 20 points", timeout=60_000)
    page.locator("#cost-stop").click()
    expect(page.locator("#cost-notice")).to_contain_text("press Measure to go on")
    expect(page.locator("#cost-points")).to_contain_text("All points")
    expect(page.locator("#cost-source input")).to_have_value("This server")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.outside_requests == []
    assert page.complaints == []
