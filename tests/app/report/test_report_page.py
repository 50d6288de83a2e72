"""The file: well formed, closed to the outside, with the numbers of the results."""

import base64
import io
import json
import re
import shlex
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

from analysis.__main__ import main
from app.report.commands import commands
from app.report.page import dark_by_preference, report_page
from app.theme import ASSETS

VOID = {"meta", "img", "br", "hr"}


class Reader(HTMLParser):
    """Keeps texts and attributes, and insists that every element is closed where it should be."""

    def __init__(self, page: str):
        super().__init__()
        self.open, self.elements, self.words = [], [], []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))

    def named(self, tag: str) -> list[dict]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def reader(page):
    return Reader(page)


def test_nothing_is_fetched_and_nothing_runs(page, reader):
    assert not {"script", "link", "iframe", "form", "button", "select"} & {
        tag for tag, _ in reader.elements
    }
    for _, attributes in reader.elements:
        assert not any(name.startswith("on") for name in attributes)
        for name in ("src", "href", "action", "srcset", "data"):
            assert attributes.get(name, "#").startswith(("#", "data:image/"))
    assert "url(" not in page and "@import" not in page
    policy = reader.named("meta")[1]
    assert policy["http-equiv"] == "Content-Security-Policy"
    assert "default-src 'none'" in policy["content"]
    assert len(page) < 2_000_000


def test_a_file_name_stays_text(page, reader, selection):
    assert selection.clip_name in reader.text
    assert all(image["src"].startswith("data:") for image in reader.named("img"))
    assert selection.clip not in page and str(Path.cwd()) not in page


def test_it_says_what_this_is(reader):
    for words in ("2030-01-02 03:04 UTC", "videomamba_mini.camera", "toy-trained", "reordered"):
        assert words in reader.text
    assert "4 frames at 64\N{MULTIPLICATION SIGN}64, scan order temporal first" in reader.text
    assert "so not in here: 5 of 7 scan orders." in reader.text


def test_the_numbers_are_those_of_the_results(reader, findings):
    first = findings.answer.prediction.predictions[0]
    assert f"{first.label} {100 * first.probability:.1f} %" in reader.text
    for row in findings.orders:
        assert f"{100 * row['probability']:.1f} %" in reader.text
    for one in findings.classes[0].maps:
        error = one["completeness_error"]
        digits = (
            "promises no sum" if error is None else f"adds up, error {error:.1e}".split("e-")[0]
        )
        assert digits in reader.text
    for time in findings.answer.prediction.frame_times_s:
        assert f"{time:.2f} s" in reader.text
    after = max(one["probability_after"] for one in findings.what_ifs[0]["classes"])
    assert f"{100 * after:.1f} %" in reader.text
    answers = findings.momas[0].look.answers
    assert all(f"{one['label']} {100 * one['probability']:.1f} %" in reader.text for one in answers)
    adapted = findings.adaptors[0].known.look["answers"]["adapted"]
    assert f"With adaptors {adapted['label']} {100 * adapted['probability']:.1f} %" in reader.text
    assert findings.clip_sha256 in reader.text and findings.weights_sha256 in reader.text


def test_what_adapters_do_says_what_was_trained_and_asks_for_no_click(reader, findings):
    for words in ("scans untrained", "host toy-trained adaptors untrained", "our reading"):
        assert words in reader.text
    assert "Asked with weights untrained, strength" in reader.text and "Click" not in reader.text
    assert "gamma, the strength below, multiplies" in reader.text and "slider" not in reader.text
    circles = [one for one in reader.named("circle") if "cx" in one]
    assert len(circles) == len(findings.adaptors[0].known.look["places"])
    assert "\N{SUPERSCRIPT MINUS}" in reader.text, "forgetting is drawn over powers of ten"


def test_frames_and_heat_are_pictures_in_the_file(reader, findings):
    sources = [image["src"] for image in reader.named("img")]
    frames, steps = 4, findings.classes[0].maps[0]["grid"][0]
    adaptors = findings.adaptors[0].known.look
    scales = adaptors["kernels"]["scales"]
    kernels = 1 + sum(1 + min(8, len(scale["strongest"])) for scale in scales)
    places = adaptors["grid"][0]
    assert len(sources) == frames + 3 * steps + frames + 2 * places + kernels
    picture = Image.open(io.BytesIO(base64.b64decode(sources[0].split(",")[1])))
    assert picture.format == "WEBP" and picture.size == (64, 64)


def test_formulas_need_no_script(page, reader):
    assert len(reader.named("math")) > 50 and "$" not in reader.text.replace('"$method"', "")
    assert len(reader.named("details")) == 8


def test_the_commands_give_the_numbers_again(findings, monkeypatch, capsys):
    monkeypatch.chdir(Path(findings.selection.clip).parent)
    lines = list(commands(findings))
    predict, compare, exact, *maps = lines
    assert "--orders spatial_first,temporal_first" in compare
    assert main(shlex.split(predict)[3:]) == 0
    (answer,) = json.loads(capsys.readouterr().out)
    first = findings.answer.prediction.predictions[0]
    assert answer["predictions"][0]["label"] == first.label
    assert answer["predictions"][0]["probability"] == pytest.approx(first.probability, rel=1e-4)
    assert main(shlex.split(exact)[3:]) == 0
    proof = json.loads(capsys.readouterr().out)
    evidence = findings.layer.found.readout_evidence
    assert proof["by_frame"] == pytest.approx(evidence.by_frame.tolist(), abs=1e-5)
    loop = re.fullmatch(r'for method in (.+); do (.+) --method "\$method"; done', maps[0])
    assert loop[1].split() == ["saliency", "exact_last_layer"]
    assert main([*shlex.split(loop[2])[3:], "--method", "exact_last_layer"]) == 0
    again = json.loads(capsys.readouterr().out)
    values = [value for frame in again["map"] for row in frame for value in row]
    assert values == pytest.approx(findings.classes[0].maps[1]["values"], rel=1e-3, abs=1e-6)


def test_what_is_missing_is_named_and_takes_no_room(findings):
    bare = replace(
        findings,
        answer=None,
        timelines=(),
        orders=(),
        layer=None,
        asked=None,
        classes=(),
        what_ifs=(),
        momas=(),
        adaptors=(),
    )
    reader = Reader(report_page(bare))
    for words in (*bare.missing, "scan orders; what feeds the read-out", "attribution maps;"):
        assert words in reader.text
    assert [a["id"] for a in reader.named("section")] == ["part-1", "part-2"]
    absent = Reader(report_page(replace(bare, not_here="m.pth is not on this machine yet.")))
    assert "Nothing is computed yet. m.pth is not on this machine yet." in absent.text


def test_dark_follows_the_readers_system_but_not_onto_paper():
    css = (ASSETS / "theme.css").read_text(encoding="utf-8")
    found = re.search(r"@media screen and \(prefers-color-scheme: dark\) \{ :root \{(.+?)\} \}",
                      dark_by_preference(css), re.DOTALL)  # fmt: skip
    named = set(re.findall(r"(--[a-z-]+):", found[1]))
    assert {"--ink", "--surface", "--surface-raised", "--line", "--accent", "--bad"} <= named
    assert not re.search(r"\.dark\b", dark_by_preference(css))
