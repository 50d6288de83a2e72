"""Runs under the profiler: of the sidebar's model, and of a second one on the same clip."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.profiling.errors import ProfilingError
from app.selection import Selection
from app.session import Session

if TYPE_CHECKING:  # The page opens without the profiler.
    from analysis.profiling.run_profile import PassProfile, Subject

NOTHING, BY_DIRECTION = "", "by_direction"
"""Second runs that are no architecture: none, and the same model direction by direction."""
WARMUP = 2
MOST_STEPS = 20
_TRAINING_COSTS = 4
_READ_TRACE_MS = 1500


@dataclass(frozen=True)
class ProfileChoice:
    """What is profiled of a selection.

    second: NOTHING, BY_DIRECTION, or an architecture, made with random weights.
    attention_kernel: of a second model that attends.
    """

    training: bool = False
    by_direction: bool = False
    second: str = NOTHING
    attention_kernel: str = "softmax"
    steps: int = 3

    def __post_init__(self) -> None:
        if not 1 <= self.steps <= MOST_STEPS:
            raise ProfilingError(f"{self.steps} steps were asked for; choose 1 to {MOST_STEPS}.")


@dataclass(frozen=True, eq=False)
class ProfiledRun:
    """A finished run: its name for people, its setting as JSON, and where its trace is kept."""

    title: str
    facts: dict[str, Any]
    profile: PassProfile
    trace: Path

    def row(self) -> dict[str, Any]:
        """As JSON; where the server keeps the trace stays its own."""
        row = self.profile.row()
        del row["trace_file"]
        return self.facts | row


def profiled_runs(
    session: Session,
    selection: Selection,
    choice: ProfileChoice,
    folder: str | Path,
    report: Callable[[float], None] = lambda share: None,
) -> tuple[ProfiledRun, ...]:
    """One run, or two where a second was chosen; traces as a log folder under `folder`.

    report(share) is told the share of steps that ran; what it raises ends the run. Raises
    ProfilingError and what loading and reading raise, one sentence each.
    """
    from analysis.profiling.run_profile import load_subject, subject_of

    runs, parts = [], 1 if choice.second == NOTHING else 2

    def add(subject: Subject, by_direction: bool) -> None:
        done = len(runs)
        own = replace(choice, by_direction=by_direction)
        runs.append(_profiled(subject, own, folder, lambda share: report((done + share) / parts)))

    with session.loaded(selection) as loaded:
        subject = subject_of(loaded, session.sampled(selection, loaded))
        add(subject, choice.by_direction)
        if choice.second == BY_DIRECTION:
            add(subject, True)
    if choice.second not in (NOTHING, BY_DIRECTION):
        attends = not choice.second.startswith("videomamba")
        second = load_subject(
            choice.second,
            selection.clip,
            num_frames=selection.num_frames,
            image_size=selection.image_size,
            attention_kernel=choice.attention_kernel if attends else None,
        )
        add(second, choice.by_direction)
    return tuple(runs)


def _profiled(
    subject: Subject, choice: ProfileChoice, folder: str | Path, report: Callable[[float], None]
) -> ProfiledRun:
    from analysis.profiling.run_profile import profile_pass, trace_path

    title = _title(subject, choice)
    target = trace_path(folder, title)
    profile = profile_pass(
        subject.model,
        subject.clip,
        training=choice.training,
        by_direction=choice.by_direction,
        steps=choice.steps,
        warmup=WARMUP,
        trace_file=target,
        progress=lambda done, total: report(done / total),
    )
    facts = subject.facts() | {"by_direction": choice.by_direction}
    kernel = getattr(subject.model.config, "attention_kernel", None)
    facts |= {} if kernel is None else {"attention_kernel": kernel}
    return ProfiledRun(title, facts, profile, target)


def _title(subject: Subject, choice: ProfileChoice) -> str:
    extras = []
    kernel = getattr(subject.model.config, "attention_kernel", None)
    if kernel is not None:
        extras += [kernel, "random weights"]
    if choice.by_direction and kernel is None:
        extras.append("direction by direction")
    return f"{subject.name} ({', '.join(extras)})" if extras else subject.name


def estimated_ms(session: Session, selection: Selection, choice: ProfileChoice) -> float:
    """About how long the runs take, a second model counted like the first."""
    passes = (WARMUP + 2 * choice.steps + 1) * (_TRAINING_COSTS if choice.training else 1)
    runs = 1 if choice.second == NOTHING else 2
    return runs * (passes * session.estimate_ms(selection) + _READ_TRACE_MS)
