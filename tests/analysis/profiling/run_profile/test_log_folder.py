"""The log folder as TensorBoard's profiler page reads it, asked through its own endpoints."""

import gzip
import json
import time
import zipfile

import pytest
import torch

from analysis.models import create_model
from analysis.profiling.run_profile import profile_pass, trace_path, zipped

PATIENCE_S = 120
RUNS = {"as it runs": "as-it-runs", "training": "training"}


@pytest.fixture(scope="module")
def log_folder(tmp_path_factory):
    """Two runs, unpacked from the zip file that the app hands out."""
    folder = tmp_path_factory.mktemp("logs")
    model, clip = create_model("videomamba_debug"), torch.randn(3, 4, 16, 16)
    traces = []
    for run in RUNS:
        target = trace_path(folder / "written", run)
        profile_pass(model, clip, steps=2, training=run == "training", trace_file=target)
        traces.append(target)
    with zipfile.ZipFile(zipped(traces, folder / "profiles.zip")) as archive:
        archive.extractall(folder / "unpacked")
    return folder / "unpacked"


@pytest.fixture(scope="module")
def ask(log_folder):
    """GET an endpoint of torch-tb-profiler in this process, without a network."""
    base_plugin = pytest.importorskip("tensorboard.plugins.base_plugin")
    plugin_module = pytest.importorskip("torch_tb_profiler.plugin")
    from werkzeug.test import Client

    plugin = plugin_module.TorchProfilerPlugin(base_plugin.TBContext(logdir=str(log_folder)))
    endpoints = plugin.get_plugin_apps()

    def get(route: str, **query):
        answer = Client(endpoints[route]).get(route, query_string=query)
        assert answer.status_code == 200, answer.data
        gzipped = answer.headers.get("Content-Encoding") == "gzip"
        return json.loads(gzip.decompress(answer.data) if gzipped else answer.data)

    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        found = get("/runs")
        if not found["loading"] and len(found["runs"]) == len(RUNS):
            return get
        time.sleep(0.1)
    raise AssertionError(f"the page found {found} in {log_folder}")


@pytest.mark.parametrize("run", RUNS.values())
def test_every_page_of_a_run_is_there(ask, run):
    assert ask("/views", run=run) == ["Overview", "Operator", "Trace", "Memory"]
    assert ask("/workers", run=run, view="Overview") == ["scanscope"]
    (span,) = ask("/spans", run=run, worker="scanscope")
    where = {"run": run, "worker": "scanscope", "span": span}
    steps = ask("/overview", **where)["steps"]["rows"]
    assert len(steps) == 2
    trace = ask("/trace", **where)
    names = {event.get("name") for event in trace["traceEvents"]}
    assert {"embed", "in_proj", "x_proj", "head"} <= names


def test_operators_and_memory_of_a_training_step(ask):
    where = {"run": "training", "worker": "scanscope", "span": "1"}
    operators = ask("/operation/table", group_by="Operation", **where)["data"]
    calls = {row["name"]: row["calls"] for row in operators}
    assert calls["_SelectiveScan"] == 2 * 3 * 2  # directions, layers, steps
    memory = ask("/memory", **where)
    assert "CPU" in json.dumps(memory)
    assert ask("/memory_curve", **where)["rows"]["CPU"]


def test_a_zip_file_keeps_runs_apart(log_folder):
    assert sorted(path.name for path in log_folder.iterdir()) == sorted(RUNS.values())
