"""One update of the weights: gradients of a batch in parts, clipped, applied, averaged."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from analysis.training.errors import TrainingError
from analysis.training.recipe import Recipe
from analysis.training.source import Batch
from analysis.training.state import TrainingState

# A batch is worked on in this many parts at once: on two cores quicker than sharing every product.
PARTS = 2


@dataclass(frozen=True)
class Tally:
    """Sums over the clips of a batch: `sums` has the loss and what the objective counts besides."""

    clips: int
    sums: dict[str, float]

    def mean(self, name: str) -> float:
        """Mean over the clips."""
        return self.sums[name] / self.clips


class Updater:
    """Applies batches to a state by a recipe, alone or as one of several processes.

    On a CPU, where nothing is drawn at random inside the model and clips of a batch do not meet,
    the parts of a batch share the cores; otherwise they follow each other. What is drawn comes
    from a generator that only seed, step, process and part decide. Either way a run ends in the
    same weights whether or not it was interrupted.
    """

    def __init__(self, state: TrainingState, recipe: Recipe, steps: int, rank: int, world: int):
        self.state, self.recipe, self.steps = state, recipe, steps
        self.rank, self.world = rank, world
        self.device = next(state.model.parameters()).device
        self.objective = recipe.objective.module(state.model)
        if hasattr(state.model, "checkpoint_layers"):
            state.model.checkpoint_layers = recipe.execution.checkpoint_layers
        # A student's last layer has no part in its published loss: not every parameter is used.
        self.distributed = (
            nn.parallel.DistributedDataParallel(self.objective, find_unused_parameters=True)
            if world > 1
            else None
        )
        self._pool: ThreadPoolExecutor | None = None

    @property
    def shares_cores(self) -> bool:
        """Whether parts of a batch are worked on at the same time."""
        recipe, execution = self.recipe, self.recipe.execution
        if recipe.objective.whole_batch or (recipe.model.drop_path_rate or 0) > 0:
            return False
        plain = execution.accumulate == 1 and not execution.checkpoint_layers
        return self.device.type == "cpu" and self.world == 1 and plain

    @contextmanager
    def running(self):
        """Inside, torch has one thread for each part that is worked on, and as before after."""
        if not self.shares_cores:
            yield
            return
        before = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            with ThreadPoolExecutor(PARTS, thread_name_prefix="train") as pool:
                self._pool = pool
                yield
        finally:
            self._pool = None
            torch.set_num_threads(before)

    def update(self, batch: Batch) -> Tally:
        """Apply one batch; raises TrainingError when the loss is not a number."""
        state, options = self.state, self.recipe.optimizer
        rate = options.learning_rate_at(state.step, self.steps, self.recipe.batch_size)
        for group in state.optimizer.param_groups:
            group["lr"] = rate * group.get("lr_scale", 1.0)
        state.model.train()
        batch = batch.to(self.device)
        tally = self._gradients_at_once(batch) if self._pool else self._gradients_in_turn(batch)
        loss = tally.mean("loss")
        if not np.isfinite(loss):
            raise TrainingError(
                f"The loss became {loss} at step {state.step}: use a lower learning rate than "
                f"{options.learning_rate}; the last state saved is kept."
            )
        if options.gradient_norm is not None:
            nn.utils.clip_grad_norm_(state.model.parameters(), options.gradient_norm)
        state.optimizer.step()
        self._follow()
        return tally

    def _gradients_at_once(self, batch: Batch) -> Tally:
        parameters = [p for p in self.state.model.parameters() if p.requires_grad]
        count = min(PARTS, len(batch))

        def gradients_of(number: int) -> tuple[tuple[torch.Tensor | None, ...], dict]:
            part = batch.part(number, count)
            loss, sums = self._loss(self.objective, part, number)
            gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
            return gradients, {"loss": float(loss.detach()), **sums}

        # Added in a fixed order, so that sums do not depend on which part was faster.
        gradients, sums = zip(*self._pool.map(gradients_of, range(count)), strict=True)
        for parameter, *shares in zip(parameters, *gradients, strict=True):
            if shares[0] is not None:
                parameter.grad = sum(shares[1:], start=shares[0]) / len(batch)
        return _added(sums, len(batch))

    def _gradients_in_turn(self, batch: Batch) -> Tally:
        self.state.optimizer.zero_grad()
        module = self.distributed or self.objective
        count = min(self.recipe.execution.accumulate, len(batch))
        sums = []
        for number in range(count):
            last = number == count - 1
            waits = self.distributed.no_sync() if self.distributed and not last else nullcontext()
            with waits, self._seeded(number):
                loss, others = self._loss(module, batch.part(number, count), number)
                (loss / len(batch)).backward()
            sums.append({"loss": float(loss.detach()), **others})
        return _added(sums, len(batch))

    def _loss(self, module: Callable, part: Batch, number: int) -> tuple[torch.Tensor, dict]:
        generator = torch.Generator().manual_seed(self._seed(number))
        with self._precision():
            return module(part.clips, part.targets, generator)

    def _seed(self, part: int) -> int:
        entries = [self.recipe.seed, self.state.step, self.rank, part]
        return int(np.random.SeedSequence(entries).generate_state(1, np.uint64)[0] >> 1)

    @contextmanager
    def _seeded(self, part: int):
        """Torch's own generators decided by seed, step, process and part; as before afterwards."""
        devices = [self.device] if self.device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices):
            torch.manual_seed(self._seed(part))
            yield

    def _precision(self):
        if self.recipe.execution.precision == "float32":
            return nullcontext()
        return torch.autocast(self.device.type, dtype=torch.bfloat16)

    def _follow(self) -> None:
        """Move the mean weights towards the new ones; those of frozen parameters stay."""
        state, decay = self.state, self.recipe.optimizer.mean_decay
        if decay is None:
            return
        # A short memory at first, so that the mean does not remember the initialisation.
        decay = min(decay, (1 + state.step) / (10 + state.step))
        with torch.no_grad():
            pairs = zip(state.mean_model.parameters(), state.model.parameters(), strict=True)
            means, weights = zip(*(pair for pair in pairs if pair[1].requires_grad), strict=True)
            torch._foreach_lerp_(means, weights, 1.0 - decay)


def _added(parts: list[dict[str, float]], clips: int) -> Tally:
    return Tally(clips, {name: sum(part[name] for part in parts) for name in parts[0]})


@contextmanager
def process_group():
    """The group of processes that torchrun started, as (rank, world); (0, 1) where it did not."""
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        yield 0, 1
        return
    backend = "nccl" if torch.cuda.is_available() else "gloo"
    torch.distributed.init_process_group(backend)
    try:
        yield torch.distributed.get_rank(), world
    finally:
        torch.distributed.destroy_process_group()
