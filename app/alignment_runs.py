"""A student of masked pretraining beside its teacher, under the mask of the Masking tab."""

import time
from dataclasses import asdict
from typing import Any

from analysis.masking.alignment_report import alignment_report, default_student
from analysis.masking.teacher import SHIPPED_TEACHER, teacher_hash
from analysis.weights import weights_card, weights_hash
from analysis.weights.students import load_student
from app.mask_runs import MaskQuestion
from app.session import Session

Report = dict[str, Any]
"""What `alignment_report` gives, with `latency_ms`: what reading, student and teacher took."""


def alignment(session: Session, asked: MaskQuestion, name: str | None) -> Report:
    """The report on one student, the first there is without a name; recalled or computed.

    The student reads the clip in its own frames and resolution; of the selection only the clip
    counts. Raises VideoError and WeightsError.
    """
    name = name or default_student()
    setting = asked.setting
    teachers = (teacher_hash(SHIPPED_TEACHER), teacher_hash())
    known = (weights_hash(weights_card(name)), *teachers, *asdict(setting).values())
    key = session.clip_key("alignment", asked.selection, *known)
    report = session.recall(key)
    if report is None:
        begun = time.perf_counter()
        path, student = asked.selection.clip, load_student(name)
        report = alignment_report(student, path, setting.strategy, setting.ratio, setting.seed)
        report["latency_ms"] = 1000 * (time.perf_counter() - begun)
        session.remember(key, report)
    return report
