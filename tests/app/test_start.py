"""`python app.py` until the page stands."""

import gc
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from app import serve
from app.settings import Settings

ROOT = Path(__file__).parents[2]


def run(*arguments):
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120
    )


def assert_one_sentence(ended, *words):
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    for word in words:
        assert word in ended.stderr


def test_a_taken_port_is_one_sentence():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = run("app.py", "--host", "127.0.0.1", "--port", str(port))
    assert_one_sentence(ended, str(port), "in use", "--port")


@pytest.mark.parametrize(
    "arguments", [("--port", "70000"), ("--host", "nowhere.invalid")], ids=["port", "host"]
)
def test_an_impossible_address_is_one_sentence(arguments):
    assert_one_sentence(run("app.py", *arguments), arguments[1])


IMPORTS = """
import ast, inspect, sys
find, parse, parsed = inspect.getfile, ast.parse, []
ast.parse = lambda *given, **named: parsed.append(1) or parse(*given, **named)
from app.gradio_import import import_gradio
import_gradio()
assert inspect.getfile is find
import gradio
gradio.Blocks
assert len(parsed) < 20, len(parsed)

def below(component):
    return {component}.union(*map(below, component.__subclasses__()))

made = {vars(one)["__init__"] for one in below(gradio.blocks.Block) if "__init__" in vars(one)}
assert len(made) > 50, len(made)
remembered = {one: vars(one)["__signature__"] for one in made}
asked = {one: inspect.getfullargspec(inspect.unwrap(one)) for one in made}
for one in made:
    del one.__signature__
    vars(inspect.unwrap(one)).pop("__signature__", None)
assert remembered == {one: inspect.signature(one) for one in made}
assert asked == {one: inspect.getfullargspec(inspect.unwrap(one)) for one in made}

import app.serve
print(*({"numba", "triton", "torch.utils.flop_counter"} & set(sys.modules)))
"""


def test_what_is_imported_for_the_page():
    """Gradio without stubs, `inspect` as it was and answering as it would; no compilers yet."""
    ended = run("-c", IMPORTS)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.strip() == ""


def test_garbage_is_collected_once_the_page_is_open(monkeypatch, tmp_path):
    def launch(**_):
        assert not gc.isenabled()

    open_page = SimpleNamespace(local_url="", block_thread=lambda: None, launch=launch)
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    monkeypatch.setattr(serve, "build_app", lambda *_: open_page)
    monkeypatch.setattr(serve, "warm_up", lambda _: None)
    gc.disable()
    try:
        serve.serve(Settings(cache_folder=tmp_path), 0)
        assert gc.isenabled()
        assert gc.get_freeze_count() > 0
    finally:
        gc.enable()
        gc.unfreeze()
