"""`python app.py` before the page stands."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

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


def test_gradio_is_imported_without_stubs_and_leaves_inspect_alone():
    program = (
        "import ast, inspect; find, parsed = inspect.getfile, [];"
        "real = ast.parse; ast.parse = lambda *a, **k: parsed.append(1) or real(*a, **k);"
        "from app.gradio_import import import_gradio; import_gradio();"
        "assert inspect.getfile is find;"
        "import gradio; gradio.Blocks; assert len(parsed) < 20, len(parsed)"
    )
    ended = run("-c", program)
    assert ended.returncode == 0, ended.stderr
