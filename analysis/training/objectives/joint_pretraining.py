"""Learning which text belongs to which video."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from analysis.layers.token_grid import TokenGrid
from analysis.layers.visible_tokens import VisibleTokens
from analysis.models import list_models
from analysis.models.retrieval_vision import SeenVideo
from analysis.models.videomamba_retrieval import VideoMambaRetrieval
from analysis.ops.alignment_loss import alignment_loss
from analysis.ops.token_mask import MASKS, token_mask
from analysis.ops.video_text import (
    contrastive_loss,
    hard_negatives,
    mask_words,
    matching_loss,
    similarity,
    word_loss,
)
from analysis.training.errors import require
from analysis.training.objectives.frozen_teacher import FrozenTeacher, make_teacher
from analysis.training.source import Batch


@dataclass(frozen=True)
class WordNumbers:
    """Numbers with a meaning of their own in a vocabulary; the values are those of BERT."""

    padding: int = 0
    first: int = 101
    hidden: int = 103


@dataclass(frozen=True)
class JointPretraining:
    """Videos and texts together (VideoMamba paper, section 3.5), up to four losses.

    contrast, matching, words, alignment: weights of the losses: which text belongs to which video
        by similarity, and by a closer look at a pair; which words are hidden; what a teacher sees
        at tokens that a mask leaves. 0 leaves a loss out, and the part of the model for it.
    word_ratio: share of words hidden. mask: one of `MASKS` that hides tokens of clips, with
        `video_ratio` of them hidden, of pictures `image_ratio`; None hides nothing.
    teacher, teacher_weights: as in `MaskedAlignment`; only asked where there is alignment or the
        mask follows attention.
    numbers: of the vocabulary that texts are written in.

    What a pair is compared with is what one process works on at once.
    """

    contrast: float = 1.0
    matching: float = 1.0
    words: float = 1.0
    alignment: float = 1.0
    word_ratio: float = 0.5
    mask: str | None = "attention"
    video_ratio: float = 0.8
    image_ratio: float = 0.5
    teacher: str = "clip_tower_b16"
    teacher_weights: str | None = None
    numbers: WordNumbers = WordNumbers()
    classifies = False
    scored = True
    whole_batch = True

    def __post_init__(self) -> None:
        for name in ("contrast", "matching", "words", "alignment"):
            require(getattr(self, name) >= 0, f"objective.{name}", getattr(self, name), "0 or more")
        for name in ("word_ratio", "video_ratio", "image_ratio"):
            value = getattr(self, name)
            require(0 <= value < 1, f"objective.{name}", value, "at least 0 and below 1")
        known = " or ".join(MASKS)
        holds = self.mask is None or self.mask in MASKS
        require(holds, "objective.mask", self.mask, f"{known} or None")
        holds = self.alignment == 0 or self.mask is not None
        require(holds, "objective.alignment", self.alignment, "0 where nothing is hidden")
        towers = list_models("clip_tower")
        require(self.teacher in towers, "objective.teacher", self.teacher, " or ".join(towers))

    @property
    def asks_teacher(self) -> bool:
        """Whether anything is asked of the teacher."""
        return self.alignment > 0 or self.mask == "attention"

    def model_options(self, labels: Sequence[str]) -> dict[str, object]:
        """Whether the model has a head for hidden words."""
        return {"masked_words": self.words > 0}

    def prepare(self, batch: Batch, classes: int, generator: np.random.Generator) -> Batch:
        """The batch as it is."""
        return batch

    def module(self, model: nn.Module) -> nn.Module:
        """The model with its losses; the teacher is made here and stays as it is."""
        teacher = None
        if self.asks_teacher:
            vision = model.vision_encoder
            tower = make_teacher(self.teacher, self.teacher_weights, vision)
            teacher = FrozenTeacher(tower, vision)
        return JointPretrainingLoss(model, self, teacher)


class JointPretrainingLoss(nn.Module):
    """A video-text model with its losses; see `analysis.training.objectives`."""

    def __init__(
        self, model: VideoMambaRetrieval, objective: JointPretraining, teacher: FrozenTeacher | None
    ):
        super().__init__()
        self.model, self.objective, self.teacher = model, objective, teacher

    def forward(
        self, clips: Tensor, tokens: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, dict[str, float]]:
        """Loss summed over clips (B, C, T, H, W), or pictures as clips of one frame, with the
        token numbers of their texts (B, L).

        The generator draws masks, negatives and hidden words. `right` counts clips whose own text
        is the most similar; the losses stand apart, each summed over clips.
        """
        asked, model = self.objective, self.model
        model.clamp_temperature_()
        padding = tokens == asked.numbers.padding
        losses = {}
        seen = self._see(clips, generator, losses)
        text = model.read(tokens, padding)
        videos = model.video_directions(seen.pooled)
        similarities = similarity(videos, model.text_directions(text))
        _, same = tokens.unique(dim=0, return_inverse=True)
        if asked.contrast:
            losses["contrast"] = contrastive_loss(similarities, model.temp, same)
        if asked.matching:
            negatives = hard_negatives(similarities, model.temp, generator, same)
            logits = model.match_with_negatives(text, padding, seen.patches, negatives)
            losses["matching"] = matching_loss(logits)
        if asked.words:
            losses["words"] = self._hidden_words(tokens, padding, seen, generator)
        total = sum(getattr(asked, name) * loss for name, loss in losses.items())
        right = (same[similarities.detach().argmax(1)] == same).sum().item()
        batch = len(clips)
        shown = {name: batch * float(loss.detach()) for name, loss in losses.items()}
        return batch * total, {"right": right, **shown}

    def _see(self, clips: Tensor, generator: torch.Generator, losses: dict) -> SeenVideo:
        """What the model makes of clips, through a mask if there is one, which may be a lesson."""
        asked = self.objective
        if asked.mask is None:
            return self.model.see(clips)
        grid = self._grid(clips)
        aims, attention = None, None
        if self.teacher is not None:
            shown = clips.expand(-1, -1, max(clips.shape[2], self._tubelet), -1, -1)
            aims, attention = self.teacher.aims(shown, attention=asked.mask == "attention")
        ratio = asked.image_ratio if clips.shape[2] == 1 else asked.video_ratio
        shape = (grid.t, grid.h, grid.w)
        mask = token_mask(asked.mask, shape, ratio, len(clips), generator, attention)
        seen = self.model.see(clips, mask.to(clips.device))
        if asked.alignment:
            visible = VisibleTokens(grid, mask.to(clips.device))
            aims = torch.stack([visible.of(layer) for layer in aims])
            losses["alignment"] = alignment_loss(seen.aligned, aims, "cosine")
        return seen

    def _hidden_words(
        self, tokens: Tensor, padding: Tensor, seen: SeenVideo, generator: torch.Generator
    ) -> Tensor:
        numbers = self.objective.numbers
        hidden = mask_words(
            tokens,
            padding | (tokens == numbers.first),
            self.objective.word_ratio,
            numbers.hidden,
            self.model.config.text.vocabulary_size,
            generator,
        )
        logits = self.model.guess_words(hidden.tokens, padding, seen.patches)
        return word_loss(logits, hidden.targets)

    @property
    def _tubelet(self) -> int:
        return self.model.config.vision.tubelet

    def _grid(self, clips: Tensor) -> TokenGrid:
        """Of clips, or of pictures, which stand still for one tubelet."""
        grid = self.model.vision_encoder.token_grid
        return TokenGrid(1, grid.h, grid.w) if clips.shape[2] == 1 else grid
