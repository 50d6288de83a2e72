"""Records what a model computes on a clip, layer by layer, and leaves the model as it was."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from analysis.layers.mixer import BidirectionalMixer
from analysis.layers.modulation import Modulation
from analysis.layers.token_grid import ClassFreeGrid, TokenGrid
from analysis.models.moma import Moma
from analysis.models.videomamba import VideoMamba
from analysis.models.videomamba_trunk import VideoMambaTrunk
from analysis.ops.scan_order import LayerScan
from analysis.tracing.layer_trace import LayerTrace, trace_layer
from analysis.tracing.modulator_trace import ModulatorRecord, added
from analysis.tracing.opened_models import TracingError, check_traced


@dataclass(frozen=True, eq=False)
class LayerRecord:
    """What hooks saw of a layer in one forward pass; `LayerTrace` has the fields' meanings."""

    layer: int
    mixer: BidirectionalMixer
    grid: TokenGrid
    scan: LayerScan
    residual: Tensor
    tokens: Tensor
    output: Tensor

    def trace(self) -> LayerTrace:
        """Every quantity of the layer, with the parameters the model has now."""
        return trace_layer(
            self.mixer,
            self.grid,
            self.scan,
            self.tokens,
            self.output,
            self.residual,
            self.layer,
        )


@dataclass(frozen=True, eq=False)
class Trace:
    """One forward pass on one clip.

    Layers are kept as the little that hooks saw (three times L x D at most); `layer` recomputes the
    rest when asked, with the parameters the model has then.

    scan_order: None where the paths are those of none. readout: "cls" | "mean", what the head reads
    of the scanned tokens; "mean" for MoMa, whose class tokens are never scanned. final_residual:
    (L, D) the stream that the final norm received; final_tokens: (L, D) after it; both None for
    MoMa, which takes a mean before its norm. logits: (num_classes,).
    """

    grid: TokenGrid
    scan_order: str | None
    readout: str
    records: tuple[LayerRecord | ModulatorRecord, ...]
    final_residual: Tensor | None
    final_tokens: Tensor | None
    logits: Tensor

    @property
    def layers(self) -> tuple[int, ...]:
        """Numbers of the recorded layers."""
        return tuple(record.layer for record in self.records)

    def layer(self, number: int) -> LayerTrace:
        """Every quantity of a recorded layer; a negative number counts from the last one.

        Raises ValueError for a layer that was not recorded.
        """
        wanted = self.layers[number] if -len(self.layers) <= number < 0 else number
        for record in self.records:
            if record.layer == wanted:
                return record.trace()
        raise ValueError(
            f"layer {number} was not recorded; recorded are {', '.join(map(str, self.layers))}"
        )


@dataclass
class Recording:
    """Filled by the forward passes inside a `recorder` block."""

    model: VideoMambaTrunk | Moma
    _seen: dict = field(default_factory=dict)
    _trace: Trace | None = None

    def take(self) -> Trace:
        """The trace of the latest forward pass, which the recording then forgets.

        Raises RuntimeError when no pass has ended since the last call.
        """
        if self._trace is None:
            raise RuntimeError("nothing was recorded: run the model inside the block")
        trace, self._trace = self._trace, None
        return trace

    def begin(self, clips: Tensor) -> None:
        """Forget an earlier pass. Raises ValueError for more than one clip."""
        self._seen, self._trace = {}, None
        if len(clips) != 1:
            raise ValueError(f"a model is traced on one clip at a time, got {len(clips)}")

    def note(self, key: object, *values: object) -> None:
        """Keep copies of tensors (1, ...) without their first axis, things as they are, by key."""
        with torch.inference_mode(False), torch.no_grad():
            self._seen[key] = [_copied(value) for value in values]

    def finish(self, layers: Sequence[int]) -> None:
        """Make a trace of what was kept in a pass that has ended."""
        model = self.model
        records = (self._modulations if isinstance(model, Moma) else self.records)(layers)
        seen, self._seen = self._seen, {}
        final_residual, final_tokens = seen.get("norm", (None, None))
        self._trace = Trace(
            grid=(grid := records[0].grid),
            scan_order=model.scan_order,
            readout=model.config.readout if grid.class_tokens else "mean",
            records=records,
            final_residual=final_residual,
            final_tokens=final_tokens,
            logits=seen["logits"][0],
        )

    def _modulations(self, layers: Sequence[int]) -> tuple[ModulatorRecord, ...]:
        modulators = self.model.modulators
        return tuple(
            ModulatorRecord(number, modulators[number], *self._seen["modulation", number])
            for number in layers
        )

    def records(self, layers: Sequence[int]) -> tuple[LayerRecord, ...]:
        """What `layer_hooks` noted of layers."""
        seen = self._seen
        return tuple(
            LayerRecord(
                number,
                self.model.layers[number].mixer,
                *seen["scan", number],
                *seen["residual", number],
                *seen["mixer", number],
            )
            for number in layers
        )

    def noted(self, key: object) -> list:
        """What `note` kept under a key."""
        return self._seen[key]

    def clear(self) -> None:
        """Free what was kept; traces that were taken stay."""
        self._seen, self._trace = {}, None


def _copied(value: object) -> object:
    return value.detach()[0].cpu().clone() if isinstance(value, Tensor) else value


@contextmanager
def recorder(model: VideoMamba | Moma, layers: Sequence[int] | None = None) -> Iterator[Recording]:
    """Inside the block every forward pass of `model` is recorded, one clip at a time.

    layers: numbers from 0, negative ones from the end; all by default. MoMa's layers are its
    state-space layers, in the order of the pass. The model is in evaluation
    mode within. However the block ends, hooks are taken down, every module has its mode back, and
    what was not taken is freed. Tensors are copied to the CPU in the model's dtype.

    Raises ValueError, one sentence, for a model of another family (a TracingError), one in half
    precision (sums of parts do not close there) and layers it does not have.
    """
    numbers = _checked(model, layers)
    recording = Recording(model)
    with ExitStack() as stack:
        stack.callback(recording.clear)
        stack.enter_context(evaluation_mode(model))
        for handle in _hooks(model, numbers, recording):
            stack.callback(handle.remove)
        yield recording


def record(model: VideoMamba | Moma, clip: Tensor, layers: Sequence[int] | None = None) -> Trace:
    """The trace of one forward pass without gradients.

    clip: (C, T, H, W), (C, H, W) for image models, or the same with a batch axis of one.
    Raises ValueError as `recorder` does, and for clips of another size than the model's.
    """
    with recorder(model, layers) as recording, torch.no_grad():
        model(batched(model, clip))
        return recording.take()


def batched(model: VideoMamba | Moma, clip: Tensor) -> Tensor:
    """A clip with a batch axis of one; where it has one it stays as it is."""
    return clip[None] if clip.dim() == (3 if model.config.num_frames is None else 4) else clip


@contextmanager
def evaluation_mode(model: nn.Module) -> Iterator[None]:
    """Evaluation mode within the block; afterwards every module is in the mode it came in."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


def check_precision(model: VideoMambaTrunk | Moma) -> None:
    """Raises ValueError for a model in half precision."""
    dtype = next(model.parameters()).dtype
    if dtype not in (torch.float32, torch.float64):
        raise ValueError(f"tracing needs a float32 or float64 model, this one is in {dtype}")


def _checked(model: VideoMamba | Moma, layers: Sequence[int] | None) -> tuple[int, ...]:
    if not isinstance(model, VideoMamba | Moma):
        raise TracingError(
            f"only VideoMamba classifiers and MoMa are traced, got {type(model).__name__}"
        )
    check_traced(model.config, "A trace")
    check_precision(model)
    depth = model.config.depth
    for number in layers or ():
        if not -depth <= number < depth:
            raise ValueError(f"the model has layers 0 to {depth - 1}, not {number}")
    return tuple(
        sorted({number % depth for number in (range(depth) if layers is None else layers)})
    )


def _hooks(model: VideoMamba | Moma, layers: Sequence[int], recording: Recording) -> Iterator:
    yield model.register_forward_pre_hook(lambda _, inputs: recording.begin(inputs[0]))
    if isinstance(model, Moma):
        for number in layers:
            hook = _modulation_hook(recording, number)
            yield model.modulators[number].register_forward_hook(hook)
    else:
        yield from layer_hooks(model, layers, recording)
        yield note_hook(model.norm_f, "norm", recording)

    def finish(_module, _inputs, logits: Tensor) -> None:
        recording.note("logits", logits)
        recording.finish(layers)

    yield model.register_forward_hook(finish)


def layer_hooks(model: VideoMambaTrunk, layers: Sequence[int], recording: Recording) -> Iterator:
    """Hooks that note what `Recording.records` is made of."""
    for number in layers:
        block = model.layers[number]
        yield block.register_forward_hook(_block_hook(recording, number))
        yield block.mixer.register_forward_hook(_mixer_hook(recording, number))


def note_hook(module: nn.Module, key: object, recording: Recording):
    """A hook that notes what goes into a module and what comes out."""
    return module.register_forward_hook(
        lambda _, inputs, output: recording.note(key, inputs[0], output)
    )


def _block_hook(recording: Recording, number: int):
    def hook(_module, _inputs, outputs: tuple[Tensor, Tensor]) -> None:
        recording.note(("residual", number), outputs[1])

    return hook


def _modulation_hook(recording: Recording, number: int):
    def hook(modulator, _inputs, made: Modulation) -> None:
        grid = ClassFreeGrid(*made.x.shape[1:4])
        tokens, given = (x.flatten(1, 3) for x in (made.x, added(made)))
        recording.note(("modulation", number), grid, modulator.ssm.paths, tokens, given)

    return hook


def _mixer_hook(recording: Recording, number: int):
    def hook(_module, inputs: tuple, output: Tensor) -> None:
        tokens, grid, scan = inputs
        recording.note(("scan", number), grid, scan)
        recording.note(("mixer", number), tokens, output)

    return hook
