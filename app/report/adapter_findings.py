"""What Adapters was last asked of a clip, looked up for the report; no small model runs for it."""

from dataclasses import dataclass

from analysis.prediction import SampledClip
from app.adaptor_models import adaptor_selection
from app.adaptor_runs import KnownLook, known_adaptor_looks
from app.moma_models import MomaSetting
from app.moma_runs import MomaLook, known_looks, moma_clip
from app.selection import Selection
from app.session import Session


@dataclass(frozen=True, eq=False)
class MomaFindings:
    """A clip in a small MoMa, and the frames that it was shown."""

    setting: MomaSetting
    look: MomaLook
    sampled: SampledClip


@dataclass(frozen=True, eq=False)
class AdaptorFindings:
    """A layer and a token of a clip in a small Mamba-Adaptor, and the frames it was shown."""

    known: KnownLook
    sampled: SampledClip


def known_momas(session: Session, selection: Selection) -> tuple[MomaFindings, ...]:
    """One for each set of weights that was looked at. Raises VideoError and WeightsError."""
    return tuple(
        MomaFindings(setting, look, moma_clip(session, selection, setting))
        for look, setting in known_looks(session, selection)
    )


def known_adaptors(session: Session, selection: Selection) -> tuple[AdaptorFindings, ...]:
    """One for each set of adaptors that was looked at. Raises VideoError and WeightsError."""
    return tuple(
        AdaptorFindings(known, session.sampled(adaptor_selection(selection, known.setting)))
        for known in known_adaptor_looks(session, selection)
    )
