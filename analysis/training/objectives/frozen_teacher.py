"""The visual tower whose answers a student learns, as it stands beside the student."""

import torch
from torch import Tensor

from analysis.models import create_model, model_config
from analysis.models.aligned_layers import aligned_layers
from analysis.models.clip_tower import ClipTower
from analysis.models.videomamba_student import VideoMambaStudent
from analysis.training.errors import TrainingError
from analysis.weights.clip import load_clip_tower


def make_teacher(name: str, weights: str | None, student: VideoMambaStudent) -> ClipTower:
    """A tower that `create_model` knows, in the resolution that gives the student's token grid.

    `weights` are a name or a checkpoint file with its tensors, alone or in a whole CLIP; None for
    random ones from a fixed seed, for trials.
    """
    frames = student.config.num_frames or 1
    size = model_config(name).sizes_for(student.token_grid, frames)
    if weights is not None:
        return load_clip_tower(weights, name, **size)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return create_model(name, **size)


class FrozenTeacher:
    """A tower that is asked and never changes: no module, so that it is neither trained nor put
    into training mode.

    Raises TrainingError, one sentence, for a tower that does not fit the student, and ValueError
    for layers that it does not have.
    """

    def __init__(self, tower: ClipTower, student: VideoMambaStudent, interval: int = 1):
        config = student.config
        grid = tower.config.token_grid(config.num_frames or 1)
        aligned_layers(tower.config.layers, config.align_layers, interval)
        if config.target_width != tower.config.output_dim or grid != student.token_grid:
            raise TrainingError(
                f"The student aims at width {config.target_width} over {student.token_grid}, the "
                f"teacher has width {tower.config.output_dim} over {grid}; choose a teacher "
                "that fits."
            )
        self.tower = tower.eval().requires_grad_(False)
        self._layers, self._interval = config.align_layers, interval

    @torch.no_grad()
    def aims(self, clips: Tensor, attention: bool) -> tuple[Tensor, Tensor | None]:
        """Targets (K, B, L, target_width) of clips (B, C, T, H, W) and, if asked for, attention
        (B, t, h*w)."""
        tower = self.tower.to(clips.device)
        found = tower.targets(
            tower.resized(clips), self._layers, self._interval, attention=attention
        )
        return found.targets, found.attention
