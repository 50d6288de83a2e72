"""The Results tab in a real browser, and the same rows over HTTP."""

import pytest

from analysis.training.studies import read_table
from analysis.training.study_list import SCAN_ORDER_STUDY


def test_the_endpoint_gives_the_trained_runs(client):
    rows = client.predict(study="scan_orders", api_name="/results")
    table = read_table(SCAN_ORDER_STUDY)
    assert {row["weights"] for row in rows} == {row.name for row in table.rows}
    assert all(row["command"].startswith("python -m analysis train") for row in rows)
    with pytest.raises(Exception, match="There is no study 'nothing'"):
        client.predict(study="nothing", api_name="/results")


@pytest.mark.browser
def test_a_visitor_opens_results_sorts_them_and_reads_the_papers(any_page):
    pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    from playwright.sync_api import expect

    page = any_page
    page.get_by_role("tab", name="Results").click()
    rows = page.locator("#results-table tbody tr")
    expect(rows.first).to_be_visible()
    count = rows.count()
    assert count == len({row.settings["scan_order"] for row in read_table(SCAN_ORDER_STUDY).rows})

    def top1() -> list[float]:
        cells = page.locator('#results-table td[data-name="Top-1"]')
        return [float(cell.get_attribute("data-value")) for cell in cells.all()]

    assert top1() == sorted(top1(), reverse=True)
    page.locator("#results-table thead button", has_text="Top-1").click()
    assert top1() == sorted(top1())
    expect(page.locator("#results-sentence")).to_contain_text("does best")
    page.get_by_label("Self-distillation").click()
    expect(page.locator("#results-table")).to_contain_text("Self-distillation on")
    page.get_by_label("Scan orders, actions").click()
    expect(page.get_by_text("top-1 of 15 actions").first).to_be_visible()
    page.get_by_role("button", name="The paper's tables").click()
    expect(page.locator("#paper-scan-types")).to_contain_text("65.1")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.outside_requests == []
