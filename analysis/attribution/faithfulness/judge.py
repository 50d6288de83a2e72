"""Every test of an attribution on one clip, and the table over clips."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from analysis.attribution.attribution import attribute, find_method
from analysis.attribution.faithfulness.agreement import Agreement, agreement
from analysis.attribution.faithfulness.bootstrap import Interval, bootstrap_interval
from analysis.attribution.faithfulness.curves import measured_curves
from analysis.attribution.faithfulness.infidelity import (
    infidelity,
    max_sensitivity,
    random_removals,
)
from analysis.attribution.faithfulness.localisation import localise, token_mask
from analysis.attribution.faithfulness.planted import PlantedCause
from analysis.attribution.faithfulness.removal import Removal
from analysis.attribution.faithfulness.sanity import cascade_randomisation
from analysis.attribution.faithfulness.sensitivity import sensitivity_n, subset_drops
from analysis.attribution.faithfulness.units import units_of
from analysis.attribution.method import AttributionError

RANDOM = "random"
"""The row that every table holds: a map drawn at random."""

BETTER: dict[str, str] = {
    "deletion_auc": "lower",
    "insertion_auc": "higher",
    "gap": "higher",
    "frame_deletion_auc": "lower",
    "sensitivity_n": "higher",
    "infidelity": "lower",
    "max_sensitivity": "lower",
    "pointing": "higher",
    "average_precision": "higher",
    "mean_iou": "higher",
    "pixel_accuracy": "higher",
    "randomised_head": "lower",
    "randomised_all": "lower",
    "latency_ms": "lower",
}
"""The figures of a method, and which way is better."""


@dataclass(frozen=True)
class JudgeSettings:
    """What is measured, and how finely.

    deletion_baseline, insertion_baseline: what replaces units; "token_drop" leaves them out. By
        default insertion starts from the first frame standing still: a blurred clip still moves.
    score: of the curves, "probability" or "logit". Sensitivity-n and infidelity use the logit.
    steps: points of a curve. random_rankings: random orders a curve is averaged over.
    subsets: sets of units for each size of sensitivity-n. removals: for infidelity.
    noise_samples: for max-sensitivity, 0 for none. randomise: whether the model's parameters are
    made random from the head down.
    """

    deletion_baseline: str = "zero"
    insertion_baseline: str = "frame_repeat"
    score: str = "probability"
    steps: int = 32
    random_rankings: int = 3
    subsets: int = 32
    removals: int = 64
    noise_samples: int = 2
    randomise: bool = True
    batch_size: int = 16
    seed: int = 0


@dataclass(frozen=True)
class MethodScores:
    """Figures of one method on one clip; None for what was not measured.

    deletion_auc, insertion_auc, gap: single tubelets removed, or put back. frame_deletion_auc:
        whole time steps removed, by the map's sums.
    sensitivity_n: mean correlation over the sizes of sets.
    infidelity: after the best scaling, as a share of what a map of zeros would score (0..1).
    max_sensitivity: largest relative change of the map under small noise.
    pointing, average_precision, mean_iou, pixel_accuracy: on the planted clip.
    randomised_head, randomised_all: rank correlation of the magnitudes with those of the map for
        a model whose head, or every parameter, is random.
    error: one sentence where the method could not answer; all figures are then None.
    """

    method: str
    deletion_auc: float | None = None
    insertion_auc: float | None = None
    gap: float | None = None
    frame_deletion_auc: float | None = None
    sensitivity_n: float | None = None
    infidelity: float | None = None
    max_sensitivity: float | None = None
    pointing: float | None = None
    average_precision: float | None = None
    mean_iou: float | None = None
    pixel_accuracy: float | None = None
    randomised_head: float | None = None
    randomised_all: float | None = None
    latency_ms: float | None = None
    error: str = ""


@dataclass(frozen=True, eq=False)
class LeagueRow:
    """Means over clips with their intervals, by figure; None where no clip has the figure."""

    method: str
    figures: Mapping[str, Interval | None]
    errors: int


class ClipJudge:
    """Everything that is asked of every method about one clip, measured once and shared.

    clip: (3, T, H, W), normalised. planted: a clip whose answer has a known cause, or None. The
    same settings give the same numbers.

    Raises AttributionError, one sentence, for what does not fit.
    """

    def __init__(
        self,
        model: nn.Module,
        clip: Tensor,
        settings: JudgeSettings,
        planted: PlantedCause | None = None,
    ):
        self.model, self.clip, self.settings, self.planted = model, clip, settings, planted
        self.target = attribute(model, clip, "saliency").target
        removal = partial(Removal, model, clip, self.target, batch_size=settings.batch_size)
        tubelets, frames = (units_of(name, model.token_grid) for name in ("tubelets", "frames"))
        score, baseline = settings.score, settings.deletion_baseline
        self._deletion = removal(tubelets, baseline=baseline, score=score)
        self._insertion = removal(tubelets, baseline=settings.insertion_baseline, score=score)
        self._frames = removal(frames, baseline=baseline, score=score)
        self._logits = removal(tubelets, baseline=baseline, score="logit")
        generator = np.random.default_rng([settings.seed, 1])
        self._subsets = subset_drops(self._logits, subsets=settings.subsets, generator=generator)
        self._removals = random_removals(tubelets.count, settings.removals, generator)
        self._own: dict[str, tuple[np.ndarray, float | None]] = {}

    def agreement(self) -> Agreement:
        """How far the maps of the methods asked so far agree."""
        return agreement({method: values for method, (values, _) in self._own.items()})

    def scores(self, method: str) -> MethodScores:
        """The figures of a method of `METHODS`, or of `RANDOM`."""
        if method != RANDOM:
            find_method(method)
        try:
            return self._scores(method)
        except AttributionError as error:
            return MethodScores(method, error=str(error))

    def _scores(self, method: str) -> MethodScores:
        values, latency_ms = self._explain(method)
        unit_values = self._deletion.units.sums(values)
        fidelity = infidelity(self._logits, unit_values, self._removals)
        deletion = self._curves(self._deletion, values, "deletion")
        return MethodScores(
            method=method,
            deletion_auc=deletion.most_first.auc,
            insertion_auc=self._curves(self._insertion, values, "insertion").most_first.auc,
            gap=deletion.gap,
            frame_deletion_auc=self._curves(self._frames, values, "deletion").most_first.auc,
            sensitivity_n=sensitivity_n(self._subsets, unit_values).mean,
            infidelity=fidelity.scaled / fidelity.variance if fidelity.variance else None,
            max_sensitivity=self._max_sensitivity(method),
            latency_ms=latency_ms,
            **self._localisation(method),
            **self._randomised(method, values),
        )

    def _explain(
        self,
        method: str,
        clip: Tensor | None = None,
        target: int | None = None,
        model: nn.Module | None = None,
    ) -> tuple[np.ndarray, float | None]:
        """A map (t, h, w) and how long it took; that of the clip itself is made once."""
        same = clip is None or torch.equal(clip, self.clip)
        own = same and target is None and model in (None, self.model)
        if own and method in self._own:
            return self._own[method]
        found = self._explained(method, clip, target, model or self.model)
        if own:
            self._own[method] = found
        return found

    def _explained(
        self, method: str, clip: Tensor | None, target: int | None, model: nn.Module
    ) -> tuple[np.ndarray, float | None]:
        if method == RANDOM:
            grid = model.token_grid
            # Another clip gets other numbers, as from any method.
            content = self.clip if clip is None else clip
            seed = [self.settings.seed, int(content.double().abs().sum().item() * 1e3)]
            return np.random.default_rng(seed).standard_normal((grid.t, grid.h, grid.w)), None
        found = attribute(
            model,
            self.clip if clip is None else clip,
            method,
            self.target if target is None else target,
            generator=torch.Generator().manual_seed(self.settings.seed),
        )
        return found.values, found.latency_ms

    def _curves(self, removal: Removal, values: np.ndarray, kind: str):
        return measured_curves(
            removal,
            values,
            kind=kind,
            steps=self.settings.steps,
            random_rankings=self.settings.random_rankings,
            generator=np.random.default_rng([self.settings.seed, 2]),
        )

    def _max_sensitivity(self, method: str) -> float | None:
        if not self.settings.noise_samples or method == RANDOM:
            return None
        return max_sensitivity(
            lambda clip: self._explain(method, clip)[0],
            self.clip,
            samples=self.settings.noise_samples,
            generator=torch.Generator().manual_seed(self.settings.seed),
        )

    def _localisation(self, method: str) -> dict[str, float]:
        if self.planted is None:
            return {}
        planted = self.planted.planted
        values, _ = self._explain(method, planted.clip, self.planted.target)
        found = localise(values, token_mask(planted.mask, values.shape))
        return {
            "pointing": found.pointing,
            "average_precision": found.average_precision,
            "mean_iou": found.mean_iou,
            "pixel_accuracy": found.accuracy,
        }

    def _randomised(self, method: str, values: np.ndarray) -> dict[str, float]:
        if not self.settings.randomise or method == RANDOM:
            return {}
        stages = cascade_randomisation(
            self.model,
            lambda model: self._explain(method, model=model)[0],
            generator=torch.Generator().manual_seed(self.settings.seed),
            stages=2,
        )
        _, head, everything = (stage.magnitude_correlation for stage in stages)
        return {"randomised_head": head, "randomised_all": everything}


def league(scores: Sequence[MethodScores], generator: np.random.Generator) -> tuple[LeagueRow, ...]:
    """A row per method with means over clips and 95 % intervals, the best gap first, random last.

    `scores` are those of all clips.
    """
    rows = []
    for method in dict.fromkeys(one.method for one in scores):
        own = [one for one in scores if one.method == method]
        figures = {}
        for name in BETTER:
            values = [getattr(one, name) for one in own]
            known = [value for value in values if value is not None]
            figures[name] = bootstrap_interval(known, generator)
        rows.append(LeagueRow(method, figures, sum(bool(one.error) for one in own)))
    return tuple(sorted(rows, key=_rank))


def _rank(row: LeagueRow) -> tuple[bool, float]:
    gap = row.figures["gap"]
    return row.method == RANDOM, -gap.mean if gap else np.inf
