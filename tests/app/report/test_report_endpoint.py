"""/report as a program sees it."""

from pathlib import Path

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

CLIP = Path(__file__).parents[2] / "data" / "clips" / "mocap_kick.mp4"
SETTING = {"model": "videomamba_mini.untrained", "frames": 4}


def ask(client: Client, name: str, **request):
    return client.predict(file=handle_file(CLIP), api_name=name, **SETTING, **request)


def test_the_file_has_what_was_asked_before(client):
    one = ask(client, "/attribution", method="saliency", class_name="class 3")
    path = Path(ask(client, "/report", class_name="class 3"))
    page = path.read_text(encoding="utf-8")
    assert path.suffix == ".html" and page.startswith("<!doctype html>")
    assert f"Evidence for {one['label']}" in page and "untrained weights" in page
    assert "scan orders;" in page and page.rstrip().endswith("</html>")


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"class_name": "class 99"}, "class 99"), ({"scan_order": "zigzag"}, "spatial_first")],
    ids=["class", "scan order"],
)
def test_a_wrong_request_is_one_sentence(client, settings, message):
    with pytest.raises(AppError) as error:
        ask(client, "/report", **settings)
    assert message in str(error.value) and "Traceback" not in str(error.value)
