"""The arithmetic of a forward pass, part by part: what a counter finds, and what it can't see.

One multiply-add counts as 1 (as in the papers; twice that are FLOPs). Norms, activation functions,
softmax and the additions between blocks are left out, of all models.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn

from analysis.layers.adaptor_config import AdaptorConfig
from analysis.layers.cross_scan import DIRECTIONS
from analysis.models import UnknownModelError, create_model, model_config
from analysis.models.moma_config import MomaConfig
from analysis.models.videomamba import VideoMambaConfig
from analysis.models.vmamba import VMambaConfig
from analysis.ops.scan_order import layer_scans
from analysis.profiling.clip_size import clip_tokens
from analysis.profiling.errors import ProfilingError
from analysis.profiling.model_parts import parameters_by_part, part_of

PARTS: tuple[str, ...] = (
    "patch_embed",
    "downsample",
    "in_proj",
    "conv1d",
    "conv2d",
    "x_proj",
    "dt_proj",
    "selection",
    "scan",
    "adaptor_t",
    "adaptor_s",
    "qkv",
    "attention_scores",
    "attention_values",
    "out_proj",
    "mlp",
    "head",
)
"""Parts with arithmetic, in the order of a pass."""

PAPER_PARTS = frozenset({"patch_embed", "in_proj", "out_proj", "head"})
"""What the FLOPs printed in the VideoMamba paper are made of, as recomputed: its counter did not
see what ran inside the fused kernel."""


@dataclass(frozen=True)
class PartArithmetic:
    """Multiply-adds of one part for one clip.

    counted: found by PyTorch's operation counter during a pass.
    added: from a formula, where the work happens in a kernel that no counter looks into.
    """

    part: str
    counted: int
    added: int

    @property
    def multiply_adds(self) -> int:
        """Both together."""
        return self.counted + self.added


@dataclass(frozen=True)
class Arithmetic:
    """A model at one size: the multiply-adds of one clip, and its parameters.

    num_frames: None for an image. parts: those with any arithmetic, in the order of `PARTS`.
    parameters: by part, see `analysis.profiling.model_parts`.
    """

    model: str
    num_frames: int | None
    frame_size: tuple[int, int]
    tokens: int
    parts: tuple[PartArithmetic, ...]
    parameters: dict[str, int]
    scans: bool

    @property
    def multiply_adds(self) -> int:
        """Of all parts."""
        return sum(part.multiply_adds for part in self.parts)

    @property
    def counted(self) -> int:
        """What the counter found, of all parts."""
        return sum(part.counted for part in self.parts)

    @property
    def added(self) -> int:
        """What was added from formulas, of all parts."""
        return sum(part.added for part in self.parts)

    @property
    def parts_of_paper(self) -> tuple[str, ...]:
        """What the model's paper counts: `PAPER_PARTS` of a VideoMamba, else all parts."""
        return tuple(p.part for p in self.parts if not self.scans or p.part in PAPER_PARTS)

    @property
    def paper_convention(self) -> int:
        """Multiply-adds as the model's paper counts."""
        counted = self.parts_of_paper
        return sum(part.multiply_adds for part in self.parts if part.part in counted)

    @property
    def parameter_count(self) -> int:
        """Of all parts."""
        return sum(self.parameters.values())


def model_arithmetic(architecture: str, **overrides: Any) -> Arithmetic:
    """The arithmetic of a classifier, by its name and fields of its configuration.

    The pass that is counted runs on PyTorch's meta device: shapes without numbers, so it takes no
    memory at any size. Raises ProfilingError, one sentence, for an unknown name, sizes a model
    can't have and models that answer with something else than classes.
    """
    config = _config(architecture, overrides)
    if not hasattr(config, "num_classes"):
        raise ProfilingError(
            f"{architecture} is no classifier, so it has no plain forward pass to count; choose "
            "another architecture"
        )
    if hasattr(config, "attention_kernel"):
        # The same products either way, and as plain products the counter sees them everywhere.
        overrides = {**overrides, "attention_kernel": "softmax"}
    return _arithmetic(architecture, tuple(sorted(overrides.items())))


def _config(architecture: str, overrides: dict[str, Any]) -> Any:
    try:
        known = model_config(architecture)
        if unknown := [field for field in overrides if not hasattr(known, field)]:
            raise ProfilingError(f"{architecture} has no {unknown[0]}; leave it out")
        return model_config(architecture, **overrides)
    except (ValueError, UnknownModelError) as error:
        raise ProfilingError(str(error)) from error


@lru_cache(maxsize=256)
def _arithmetic(architecture: str, overrides: tuple[tuple[str, Any], ...]) -> Arithmetic:
    with torch.device("meta"):
        model = create_model(architecture, **dict(overrides)).eval()
    config = model.config
    counted, added = count_multiply_adds(model), _added(config)
    return Arithmetic(
        model=architecture,
        num_frames=config.num_frames,
        frame_size=config.frame_size,
        tokens=clip_tokens(config),
        parts=tuple(
            PartArithmetic(part, counted[part], added[part])
            for part in dict.fromkeys((*PARTS, *counted))
            if counted[part] or added[part]
        ),
        parameters=parameters_by_part(model),
        scans=type(config) is VideoMambaConfig,
    )


def count_multiply_adds(model: nn.Module) -> Counter[str]:
    """What PyTorch's counter finds in a pass of one clip through a model, by part.

    The model is on the meta device or any other; the clip is made there.
    """
    config = model.config
    frames = () if config.num_frames is None else (config.num_frames,)
    clip = next(model.parameters()).new_empty(1, config.in_channels, *frames, *config.frame_size)
    counts: Counter[str] = Counter()
    for module, operations in _own_operations(model, clip).items():
        for operation, flops in operations.items():
            parts = _counted_parts(part_of(module), operation)
            for part in parts:
                counts[part] += flops // 2 // len(parts)
    return counts


def _own_operations(model: nn.Module, clip: Tensor) -> dict[str, Counter]:
    """FLOPs by operation of every module, without those of the modules called inside it.

    The counter's own names of modules are not used: it listens to all models of the process.
    """
    from torch.utils.flop_counter import FlopCounterMode  # imports Triton too where there is one

    own: defaultdict[str, Counter] = defaultdict(Counter)
    running, settled = [""], Counter()

    def settle() -> None:
        so_far = Counter(counter.flop_counts["Global"])
        own[running[-1]] += so_far - settled
        settled.update(so_far - settled)

    def begin(name: str) -> None:
        settle()
        running.append(name)

    def end() -> None:
        settle()
        running.pop()

    hooks = []
    for name, module in model.named_modules():
        hooks.append(module.register_forward_pre_hook(lambda *_, name=name: begin(name)))
        hooks.append(module.register_forward_hook(lambda *_: end()))
    try:
        with torch.inference_mode(), FlopCounterMode(display=False) as counter:
            model(clip)
    finally:
        for hook in hooks:
            hook.remove()
    return own


def _counted_parts(part: str, operation: Any) -> tuple[str, ...]:
    """The parts that share an operation of a module alike."""
    if part == "scan":
        # A mixer applies these two weights itself.
        return ("conv1d",) if operation is torch.ops.aten.convolution else ("dt_proj",)
    if part == "attention":
        # Windowed attention applies the projections of the layer it is lent.
        scores = operation is torch.ops.aten.bmm
        return ("attention_scores", "attention_values") if scores else ("qkv",)
    # What a model multiplies outside its parts is the last projection before its head.
    return ("head",) if part == "positions" else (part,)


@dataclass(frozen=True)
class _ScanLayer:
    """A layer with scans: L x E inner elements, how many scans, and whether a gate follows."""

    elements: int
    scans: int
    gated: bool


def _scan_layers(config: Any) -> Iterator[_ScanLayer]:
    """A direction that reads two token orders scans twice."""
    if isinstance(config, VideoMambaConfig):
        elements = config.token_grid.length * config.expand * config.width
        for plan in layer_scans(config.scan_order, config.depth):
            yield _ScanLayer(elements, len(plan.forward) + len(plan.backward), gated=True)
    elif isinstance(config, MomaConfig):
        elements = config.token_grid.patches * config.inner
        for paths in config.layer_paths:
            yield _ScanLayer(elements, len(paths), config.gate)
    elif isinstance(config, VMambaConfig):
        h, w = config.token_grid.h, config.token_grid.w
        for width, depth in zip(config.widths, config.depths, strict=True):
            yield from [_ScanLayer(h * w * int(config.expand * width), DIRECTIONS, False)] * depth
            h, w = -(-h // 2), -(-w // 2)


def _added(config: Any) -> Counter[str]:
    """Operations of the scans of one clip: 9 L E N and L E for the skip, each; 2 L E for the gate.

    The count of issue 110 of state-spaces/mamba, where every scan has a gate: ours gates the sum
    of both directions, which is as much.

    Adaptor-T scans once more, for the mean states; what it reads between two tokens is 2 K L E N
    of a scan.
    """
    added: Counter[str] = Counter()
    for layer in _scan_layers(config):
        per_state = layer.scans * layer.elements * config.state_size
        added["scan"] += 9 * per_state + (layer.scans + 2 * layer.gated) * layer.elements
        if isinstance(config, AdaptorConfig) and config.adaptor_t:
            added["scan"] += 9 * per_state
            added["adaptor_t"] += 2 * config.memory_locations * per_state
    return added
