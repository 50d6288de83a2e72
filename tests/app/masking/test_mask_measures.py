"""Figures of masks on the page: numbers, plots, tables and sentences that say the same."""

import re
from dataclasses import replace

import pytest
import torch

from analysis.masking.compacted_scan import compacted_scan
from analysis.masking.metrics import strategy_metrics
from analysis.masking.strategies import STRATEGIES
from analysis.ops.scan_order import SCAN_ORDERS
from app.attributions import fresh_map
from app.components.mask_tables import metric_rows, order_table, strategy_table
from app.figures.mask_metrics import frame_figure, gap_figure, run_figure, site_figure
from app.figures.mask_sentences import (
    frame_sentence,
    gap_sentence,
    run_sentence,
    site_sentence,
)
from app.figures.number_format import share, significant
from app.mask_measures import mask_measures
from app.mask_runs import MaskQuestion, MaskSetting, drawn_masks
from app.session import Session
from app.settings import Settings
from app.theme import SCAN_ORDER_NAMES, STRATEGY_COLORS, STRATEGY_NAMES

FIGURES = (run_figure, gap_figure, frame_figure, site_figure)
SENTENCES = (run_sentence, gap_sentence, frame_sentence, site_sentence)


@pytest.fixture(scope="module")
def measures(session, mini):
    return mask_measures(session, MaskQuestion(mini, MaskSetting("clip_row", 0.8, 0)))


def of_ratio(session, mini, ratio):
    return mask_measures(session, MaskQuestion(mini, MaskSetting("tube", ratio, 0)))


def test_the_figures_are_those_of_the_masks_on_the_page(session, mini, measures):
    drawn = drawn_masks(session, mini, MaskSetting("clip_row", 0.8, 0))
    assert list(measures.metrics) == list(STRATEGIES)
    for name, masks in drawn.masks.items():
        expected = strategy_metrics(
            torch.from_numpy(masks),
            SCAN_ORDERS,
            6,
            motion=torch.from_numpy(drawn.guides["motion"].weights),
        )
        assert measures.metrics[name] == expected
        shown = (~drawn.shown(name)).sum((1, 2)).tolist()
        assert list(measures.shown_by_frame[name]) == shown


def test_no_weights_are_read(tmp_path, mini):
    session = Session(Settings(cache_folder=tmp_path))
    session.loaded = None
    found = mask_measures(session, MaskQuestion(mini, MaskSetting()))
    assert found.attribution is None


def test_a_known_map_tells_how_much_of_it_is_left(tmp_path, mini):
    session = Session(Settings(cache_folder=tmp_path))
    found = fresh_map(session, mini, "grad_cam", 2)
    measured = mask_measures(session, MaskQuestion(mini, MaskSetting()))
    assert measured.attribution == f"{found['title']}, {found['label']}"
    mass = measured.metrics["tube"].figures["absolute_mass"].mean
    assert 0 < mass < 1
    assert f'Evidence seen" data-value="{mass}' in strategy_table(measured)
    assert measured.attribution in site_sentence(measured)


def test_run_bars_count_the_tokens_of_runs(measures):
    figure = run_figure(measures)
    assert len(figure.data) == len(STRATEGIES)
    for bars, (name, one) in zip(figure.data, measures.metrics.items(), strict=True):
        counts = one.scans["spatial_first"].run_counts
        tokens = {length: length * count for length, count in enumerate(counts, 1)}
        assert sum(bars.y) == pytest.approx(1)
        assert bars.y[0] == pytest.approx(tokens.get(1, 0) / one.visible)
        eights = sum(tokens.get(length, 0) for length in range(8, 16)) / one.visible
        place = bars.x.index("8\N{EN DASH}15") if "8\N{EN DASH}15" in bars.x else None
        assert eights == pytest.approx(0 if place is None else bars.y[place])
        assert bars.marker.color == STRATEGY_COLORS[name]


def test_gap_bars_count_the_steps_between_visible_tokens(measures):
    mask = torch.from_numpy(measures.drawn.shown("tube"))
    figure = gap_figure(replace(measures, metrics={"tube": one_draw(mask)}))
    scan = compacted_scan(mask, "spatial_first")
    (bars,) = figure.data
    assert bars.y[0] == pytest.approx(scan.scan_adjacency)
    assert sum(bars.y) == pytest.approx(1)


def one_draw(mask):
    return strategy_metrics(mask[None], ("spatial_first",), 6)


def test_lines_are_the_counts_of_the_mask_above(measures):
    figure = frame_figure(measures)
    for line, (name, counts) in zip(figure.data, measures.shown_by_frame.items(), strict=True):
        assert (line.name, tuple(line.y)) == (STRATEGY_NAMES[name], counts)
    widths = {line.name: line.line.width for line in figure.data}
    assert max(widths, key=widths.get) == "Clip-row"
    assert figure.data[0].customdata[1] == "Frames 3\N{EN DASH}4"


def test_pictures_show_every_site(measures):
    figure = site_figure(measures)
    for picture, one in zip(figure.data, measures.metrics.values(), strict=True):
        torch.testing.assert_close(torch.tensor(picture.z), torch.tensor(one.by_site))


def test_sentences_speak_this_clips_numbers(measures):
    clip_row = measures.metrics["clip_row"]
    figures = clip_row.scans["spatial_first"].figures
    runs = {
        name: one.scans["spatial_first"].figures["mean_run"].mean
        for name, one in measures.metrics.items()
    }
    longest = max(runs, key=runs.get)
    assert f"{STRATEGY_NAMES[longest]} leaves the longest runs" in run_sentence(measures)
    assert significant(runs[longest]) in run_sentence(measures)
    assert f"{significant(figures['mean_gap'].mean)} tokens" in gap_sentence(measures)
    assert "Clip-row is the most uneven in time" in frame_sentence(measures)
    assert share(round(clip_row.figures["motion"].mean, 3)) in site_sentence(measures)
    assert "Make a map in Attribution" in site_sentence(measures)


def test_another_scan_order_has_other_runs(session, mini):
    turned = replace(mini, scan_order="temporal_first")
    found = mask_measures(session, MaskQuestion(turned, MaskSetting("tube", 0.8, 0)))
    assert run_sentence(found).startswith("Read temporal first")
    tube, row = (
        found.metrics[name].scans["temporal_first"].figures["mean_run"].mean
        for name in ("tube", "clip_row")
    )
    assert tube > 4 > 2 > row


def test_tables_hold_every_strategy_and_sort_by_their_means(measures):
    table = strategy_table(measures)
    assert table.count("<tr style") == len(STRATEGIES)
    mean = measures.metrics["motion"].figures["leakage"].mean
    assert f'data-name="Leakage" data-value="{mean}"' in table
    assert "Evidence seen" not in table
    assert table.count(">ours<") == 2


def test_scan_orders_that_read_alike_share_a_column(measures):
    table = order_table(measures)
    heads = re.findall(r"data-column=\"\d+\" title=\"[^\"]*\">([^<]*)<", table)
    assert heads == ["Strategy", "Spatial first", "Temporal first", "5 mixed orders", "Leakage"]
    assert all(SCAN_ORDER_NAMES[order] in table for order in SCAN_ORDERS)
    odd = replace(
        measures,
        metrics={
            name: strategy_metrics(torch.from_numpy(masks), SCAN_ORDERS, 5)
            for name, masks in measures.drawn.masks.items()
        },
    )
    assert "2 mixed orders" in order_table(odd)


def test_rows_for_files_are_flat_and_complete(measures):
    rows = metric_rows(measures)
    assert len(rows) == len(STRATEGIES) * len(SCAN_ORDERS)
    first = rows[0]
    assert (first["strategy"], first["scan_order"]) == ("random", "spatial_first")
    assert first["mean_run_low"] < first["mean_run_mean"] < first["mean_run_high"]
    assert not any(isinstance(value, dict | tuple) for row in rows for value in row.values())


@pytest.mark.parametrize("ratio", [0.0, 0.95])
def test_nothing_and_nearly_everything_hidden_can_be_shown(session, mini, ratio):
    found = of_ratio(session, mini, ratio)
    for figure in FIGURES:
        assert figure(found).data
    for sentence in SENTENCES:
        assert sentence(found)
    if not ratio:
        assert "nothing hidden" in frame_sentence(found)
    assert strategy_table(found).count("<tr style") == len(STRATEGIES)
    assert order_table(found)


def test_an_image_has_one_time_step_and_no_motion(session, mini):
    image = replace(mini, model="videomamba_image_tiny.untrained", num_frames=1, image_size=64)
    found = mask_measures(session, MaskQuestion(image, MaskSetting("random", 0.5, 0)))
    assert found.metrics["random"].figures["motion"] is None
    for figure in FIGURES:
        assert figure(found).data
    for sentence in SENTENCES:
        assert sentence(found)


def test_before_anything_is_drawn_every_part_says_what_will_come():
    for figure in FIGURES:
        assert figure(None).layout.annotations[0].text
    for sentence in SENTENCES:
        assert sentence(None) == "Figures appear here once the masks of the clip are drawn."
    assert "table-empty" in strategy_table(None) and "table-empty" in order_table(None)
