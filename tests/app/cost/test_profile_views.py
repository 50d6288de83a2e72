"""What the page draws and says of profiled runs, on profiles written by hand."""

import re
from pathlib import Path

import pytest

from analysis.profiling.run_profile import (
    FlameSpan,
    MemoryPoint,
    OperatorCost,
    PassProfile,
    RegionCost,
)
from analysis.profiling.run_profile.assignment import STEP_REGIONS
from app.components.profile_tables import operator_table, region_table
from app.figures.flame import flame_view
from app.figures.profile_sentences import bars_sentence, flame_sentence
from app.figures.region_bars import region_bars
from app.figures.region_names import REGION_LOOKS
from app.pass_profiles import ProfiledRun


def region(name, self_ms, step_ms, pass_="forward", between_ms=0.0) -> RegionCost:
    share = self_ms / step_ms
    return RegionCost(name, pass_, 6, self_ms, self_ms, share, between_ms, 5000, 800_000)


def made_run(title, regions, *, steps=(10.0, 10.0), plain_ms=8.0, fused=False) -> ProfiledRun:
    step_ms = sum(cost.self_ms for cost in regions)
    spans = (
        FlameSpan("ProfilerStep#3", "other", "forward", 0, 0.0, step_ms, 1),
        FlameSpan("layer 0", "other", "forward", 1, 1.0, step_ms / 2, 1),
        FlameSpan("scan", "scan", "forward", 2, 2.0, step_ms / 4, 1),
        FlameSpan("<lambda>", "scan", "backward", 3, 2.0, step_ms / 8, 1),
    )
    operators = (OperatorCost("numba::scan", "scan", "forward", 6, 4.0, 4.0, 0.4, 0),)
    memory = (MemoryPoint(0, 0, ""), MemoryPoint(4, 896_000, "scan"), MemoryPoint(10, 0, ""))
    profile = PassProfile(
        batch=1,
        training=any(cost.pass_ == "backward" for cost in regions),
        fused_directions=fused,
        kernel="cpu",
        dtype="float32",
        step_ms=steps,
        typical_step_ms=step_ms,
        plain_step_ms=plain_ms,
        regions=tuple(regions),
        operators=operators,
        spans=spans,
        memory=memory,
        memory_method="counted by hand",
        machine={},
    )
    return ProfiledRun(title, {"model": title}, profile, Path("none"))


@pytest.fixture
def scanning() -> ProfiledRun:
    parts = [region("in_proj", 3, 10), region("scan", 6, 10, between_ms=1), region("other", 1, 10)]
    return made_run("mini <camera>", parts, fused=True)


@pytest.fixture
def attending() -> ProfiledRun:
    parts = [region("attention", 15, 20), region("other", 5, 20)]
    return made_run("timesformer", parts, steps=(20.0, 20.0), plain_ms=16.0)


def test_every_region_has_words_and_a_colour_of_its_family():
    assert set(REGION_LOOKS) == set(STEP_REGIONS)
    assert len({look.name for look in REGION_LOOKS.values()}) == len(REGION_LOOKS)


def widths(html: str) -> list[float]:
    return [float(width) for width in re.findall(r"<i class=\"\w+\" style=\"width:([\d.]+)%", html)]


def test_bars_share_one_scale(scanning, attending):
    html = region_bars([scanning, attending])
    assert widths(html) == [15, 30, 5, 75, 25]
    assert "mini &lt;camera&gt;" in html and "<camera>" not in html
    assert widths(region_bars([scanning])) == [30, 60, 10]


def test_bars_name_only_what_is_there(scanning):
    legend = region_bars([scanning]).split("region-legend")[1]
    assert "Scans" in legend and "Attention" not in legend and "gradients" not in legend


def test_gradients_are_marked():
    parts = [region("scan_fwd", 4, 10), region("scan_fwd", 6, 10, "backward")]
    html = region_bars([made_run("mini", parts)])
    assert '<i class="backward"' in html and "gradients" in html
    assert "a training step took" in bars_sentence([made_run("mini", parts)])


def test_sentence_of_one_run(scanning):
    words = bars_sentence([scanning])
    assert "a pass took 10.0" in words and "8.00" in words
    assert "Scans 60.0" in words
    assert "In 10.0" in words  # between operators
    assert "one compiled kernel" in words
    assert "busy" not in words


def test_sentence_of_two_runs_names_the_largest_part_that_grows(scanning, attending):
    words = bars_sentence([scanning, attending])
    assert "timesformer takes 2 times as long as mini <camera>" in words
    assert "Attention, by 15.0" in words
    assert "timesformer takes 2 times" in bars_sentence([attending, scanning])


def test_steps_that_differ_are_said():
    unsteady = made_run("mini", [region("scan", 10, 10)], steps=(7.0, 13.0))
    assert "7.00" in bars_sentence([unsteady]) and "busy" in bars_sentence([unsteady])


def test_the_flame_places_calls_in_percent_of_the_step(scanning):
    html = flame_view(scanning)
    assert "--rows:4" in html
    assert "--x:10.0000;--w:50.0000;--y:1" in html
    assert 'class="backward" style="--x:20.0000;--w:12.5000;--y:3' in html
    assert "&lt;lambda&gt;" in html and "<lambda>" not in html
    assert "&lt;lambda&gt; in Scans, gradient" in html


def test_memory_is_drawn_in_thousandths_of_the_step(scanning):
    path = re.search(r'class="line" d="([^"]*)"', flame_view(scanning)).group(1)
    assert path == "M0.00,100.00H400.00V0.00H1000.00V100.00"


def test_the_flame_sentence_says_what_memory_was(scanning):
    words = flame_sentence(scanning)
    assert "896" in words and "during Scans" in words and "counted by hand" in words


def test_one_run_has_shares_and_two_have_differences(scanning, attending):
    one, two = region_table([scanning]), region_table([scanning, attending])
    assert "Between operators" in one and one.count("<tr ") == 3
    assert "Difference" in two and two.count("<tr ") == 4
    assert "\N{MINUS SIGN}6.00" in two and "+15.0" in two
    assert "numba::scan" in operator_table(scanning)


def test_before_a_run_every_part_says_what_will_stand_there():
    for drawn in (region_bars(()), flame_view(None), region_table(()), operator_table(None)):
        assert "profile" in drawn.lower() or "appear" in drawn
    assert bars_sentence(()) and flame_sentence(None)
