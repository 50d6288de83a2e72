"""The benchmark of searches, on few windows."""

import json

import numpy as np
import pytest

from analysis.__main__ import main
from analysis.retrieval.index.bench_index import made_up_queries, made_up_windows

pytestmark = pytest.mark.usefixtures("one_thread")


def test_every_way_is_timed_and_exact_searches_miss_nothing(capsys):
    few = ["--windows", "1500", "--width", "64", "--queries", "8", "--rounds", "1"]
    assert main(["bench", "index", *few, "--json"]) == 0
    rows = {row["way"]: row for row in json.loads(capsys.readouterr().out)}
    assert list(rows) == ["moments", "approximate", "exact", "in memory"]
    for row in rows.values():
        assert 0 < row["fastest_ms"] <= row["median_ms"]
        assert (row["windows"], row["width"], row["queries"]) == (1500, 64, 8)
    assert rows["exact"]["recall_at_10"] == rows["in memory"]["recall_at_10"] == 1
    assert 0.5 < rows["approximate"]["recall_at_10"] <= 1
    assert rows["moments"]["recall_at_10"] is None
    assert rows["approximate"]["build_s"] > rows["exact"]["build_s"] > 0


def test_made_up_windows_are_near_their_neighbours():
    generator = np.random.default_rng(1)
    windows = made_up_windows(2030, 128, generator)
    np.testing.assert_allclose(np.linalg.norm(windows, axis=1), 1, atol=1e-5)
    within = (windows[:-1:50] * windows[1::50]).sum(1)
    across = (windows[:-50:50] * windows[50::50]).sum(1)
    assert within.mean() > 0.7 > 0.4 > across.mean()
    queries = made_up_queries(windows, 20, generator)
    assert 0.3 < (queries @ windows.T).max(1).mean() < 0.6


def test_too_few_windows_are_one_sentence(capsys):
    assert main(["bench", "index", "--windows", "999"]) == 1
    assert capsys.readouterr().err == "999 windows were asked for; choose 1000 or more.\n"
