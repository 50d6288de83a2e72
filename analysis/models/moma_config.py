"""What shapes a MoMa (arXiv 2506.23283), and which of its parts follow which."""

from collections.abc import Callable
from dataclasses import dataclass

from analysis.layers.grid_scan import Path, layer_paths, paths_of
from analysis.layers.modulation import FUSIONS, SKIP
from analysis.layers.windowed_attention import Window
from analysis.models.frozen_clip_config import FrozenClipConfig
from analysis.ops.scan_order import TOKEN_ORDERS

ATTEND, MODULATE, THINK = "attend", "modulate", "think"

_LAYER = (ATTEND, THINK)
PATTERNS: dict[str, Callable[[int], tuple[str, ...]]] = {
    "TM": lambda depth: (ATTEND, MODULATE, THINK) * depth,
    "T_then_M": lambda depth: _LAYER * depth + (MODULATE,) * depth,
    "half_TMM": lambda depth: _LAYER * (depth // 2) + (*_LAYER, MODULATE, MODULATE) * (depth // 2),
    "TTMM": lambda depth: (*_LAYER, *_LAYER, MODULATE, MODULATE) * (depth // 2),
}
"""Where modulations stand among the halves of the frozen layers: for every pattern the steps of a
tower of so many layers, which has as many modulations. T is a layer, M a modulation; in "TM", the
published one, it stands between attention and perceptron, in the others after both."""

_SCAN_ORDERS = {
    ("spatial_first",): "spatial_first",
    ("temporal_first",): "temporal_first",
    ("spatial_first", "temporal_first"): "spatiotemporal_v2",
}
"""Token orders, read both ways in every layer, by what such a scan order is called."""

CLS_MODES = ("drop", "frame")
READOUTS = ("mean", "cls")


@dataclass(frozen=True, kw_only=True)
class MomaConfig(FrozenClipConfig):
    """Everything that shapes a MoMa, beside what `FrozenClipConfig` has.

    The model takes any number of frames, except with a temporal embedding.

    window: where patches attend, see `analysis.layers.windowed_attention.Window`.
    cls_mode: "drop" has no class token, as the paper's formulas; "frame" keeps one a frame (ours).
    readout: "mean" of all patch tokens, or "cls", the mean of the frames' class tokens.
    scans, bidirectional, gate, share_scans, state_size, conv_width: as in
        `analysis.layers.grid_scan.GridScan`. inner_width: E; None is half of the tower's width.
    plan: one of the scan orders of `analysis.ops.scan_order`, layer by layer, in the place of
        `scans` and `bidirectional`; ours.
    fusion, zero_init: as in `analysis.layers.modulation.Modulator`. pattern: one of `PATTERNS`.
    temporal_embedding: a trained table of moments is added before the first layer.
    """

    window: Window = 8
    cls_mode: str = "drop"
    readout: str = "mean"
    scans: tuple[str, ...] = ("spatial_first", "temporal_first")
    bidirectional: bool = True
    gate: bool = False
    share_scans: bool = True
    state_size: int = 16
    conv_width: int = 4
    inner_width: int | None = None
    plan: str | None = None
    fusion: str = "seqmod"
    zero_init: bool = True
    pattern: str = "TM"
    temporal_embedding: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_choices()
        sides = (self.window,) if isinstance(self.window, int) else self.window or (1,)
        if len(sides) not in (1, 3) or min(sides) < 1:
            raise ValueError(f"a window has one side or three, at least 1 long; got {self.window}")
        if self.pattern in ("half_TMM", "TTMM") and self.tower.layers % 2:
            raise ValueError(f"{self.pattern} takes an even number of layers, not {self.layers}")
        if self.readout == "cls" and self.cls_mode == "drop":
            raise ValueError('class tokens can be read out with cls_mode "frame" only')
        if self.fusion != SKIP and not self.modulations:
            raise ValueError(
                f"with {self.pattern} no modulation has a way to the class tokens; read out the "
                'mean or choose the pattern "TM"'
            )

    def _check_choices(self) -> None:
        choices = {
            "cls_mode": CLS_MODES,
            "readout": READOUTS,
            "fusion": FUSIONS,
            "pattern": tuple(PATTERNS),
        }
        for name, known in choices.items():
            if getattr(self, name) not in known:
                raise ValueError(
                    f"unknown {name} {getattr(self, name)!r}; choose {' or '.join(known)}"
                )
        if not self.scans or not set(self.scans) <= set(TOKEN_ORDERS):
            raise ValueError(f"got scans {self.scans}; choose some of {', '.join(TOKEN_ORDERS)}")
        if self.plan is not None:
            asked = {path for paths in self.layer_paths for path in paths}
            if not (self.share_scans or asked <= {*paths_of(self.scans, self.bidirectional)}):
                raise ValueError(f"without share_scans, {self.plan} takes scans both ways in both")

    @property
    def steps(self) -> tuple[str, ...]:
        """The steps of a pass, without modulations that cannot reach the read-out."""
        steps = PATTERNS[self.pattern](self.tower.layers)
        last = max(i for i, step in enumerate(steps) if step == ATTEND)
        return tuple(
            step
            for i, step in enumerate(steps)
            if step != MODULATE or not (self.fusion == SKIP or (self.readout == "cls" and i > last))
        )

    @property
    def modulations(self) -> int:
        """How many state-space layers there are."""
        return self.steps.count(MODULATE)

    @property
    def depth(self) -> int:
        """How many layers scan."""
        return self.modulations

    @property
    def scan_order(self) -> str | None:
        """The scan order that the paths amount to; None where they are those of none."""
        if self.plan is not None:
            return self.plan
        return _SCAN_ORDERS.get(tuple(sorted(self.scans))) if self.bidirectional else None

    @property
    def layer_paths(self) -> tuple[tuple[Path, ...], ...]:
        """What every state-space layer reads, and which way."""
        if self.plan is not None:
            return layer_paths(self.plan, self.modulations)
        return (paths_of(self.scans, self.bidirectional),) * self.modulations

    @property
    def inner(self) -> int:
        """E, channels of the scans."""
        return self.tower.width // 2 if self.inner_width is None else self.inner_width

    @property
    def tokens(self) -> int:
        """L: patches of one clip and the class tokens there are."""
        return self.token_grid.patches + self.num_frames * (self.cls_mode == "frame")
