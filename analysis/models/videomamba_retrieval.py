"""VideoMamba's video-text model (paper, section 3.5 and Table 8): which text goes with which video.

State-dict names and shapes are those of the published checkpoints, in the form that is evaluated
and in the one that is pretrained.
"""

from dataclasses import dataclass, field, fields, replace
from typing import Any

import torch
from torch import Tensor, nn

from analysis.models.bert import Bert, BertConfig, BertForMaskedWords
from analysis.models.clip_tower import (
    ClipTower,
    ClipTowerConfig,
    clip_tower_b16,
    clip_tower_debug,
)
from analysis.models.registry import register_model
from analysis.models.retrieval_vision import RetrievalVision, RetrievalVisionConfig, SeenVideo
from analysis.models.videomamba_trunk import SIZES
from analysis.ops.video_text import Negatives, similarity

# The published start of the temperature, and the ends of its range in training.
_FIRST_TEMPERATURE, _TEMPERATURE_RANGE = 0.07, (0.001, 0.5)


@dataclass(frozen=True)
class RetrievalConfig:
    """Everything that shapes a video-text model.

    shared_width: of the space in which videos and texts are compared.
    masked_words: whether a head that guesses masked words is there, as in pretraining.
    teacher: the tower whose answers the vision encoder learns, None outside pretraining.
    """

    vision: RetrievalVisionConfig = field(default_factory=RetrievalVisionConfig)
    text: BertConfig = field(default_factory=BertConfig)
    shared_width: int = 512
    masked_words: bool = False
    teacher: ClipTowerConfig | None = None

    def __post_init__(self) -> None:
        if self.text.vision_width != self.vision.width:
            raise ValueError(
                f"the text encoder attends to tokens of width {self.text.vision_width}, the vision "
                f"encoder gives {self.vision.width}; make them equal"
            )

    @property
    def num_frames(self) -> int:
        """Of the clips."""
        return self.vision.num_frames

    @property
    def image_size(self) -> int | tuple[int, int]:
        """Of the frames, in pixels."""
        return self.vision.image_size

    @property
    def scan_order(self) -> str:
        """Of the vision encoder."""
        return self.vision.scan_order


class VideoMambaRetrieval(nn.Module):
    """A vision encoder, a text encoder whose last layers fuse both, and what compares them.

    Texts are token numbers int64 (B, L) with `padding` bool (B, L), True = padding.
    """

    def __init__(self, config: RetrievalConfig):
        super().__init__()
        self.config = config
        width = config.text.width
        self.vision_encoder = RetrievalVision(config.vision)
        self.text_encoder = (BertForMaskedWords if config.masked_words else Bert)(config.text)
        self.vision_proj = nn.Linear(config.vision.width, config.shared_width)
        self.text_proj = nn.Linear(width, config.shared_width)
        self.temp = nn.Parameter(torch.tensor(_FIRST_TEMPERATURE))
        self.itm_head = nn.Linear(width, 2)
        if config.teacher is not None:
            self.clip_teacher = ClipTower(config.teacher).requires_grad_(False)

    @property
    def bert(self) -> Bert:
        """The text encoder without the head of pretraining."""
        return self.text_encoder.bert if self.config.masked_words else self.text_encoder

    @property
    def scan_order(self) -> str:
        """The scan order in use, which may differ from the one the model was made with."""
        return self.vision_encoder.scan_order

    def set_scan_order(self, scan_order: str) -> None:
        """As `VideoMambaTrunk.set_scan_order`."""
        self.vision_encoder.set_scan_order(scan_order)

    def see(
        self, clip: Tensor, mask: Tensor | None = None, keep_temporal: bool | None = None
    ) -> SeenVideo:
        """What the vision encoder makes of clips; see `RetrievalVision.forward`."""
        return self.vision_encoder(clip, mask, keep_temporal)

    def read(self, tokens: Tensor, padding: Tensor | None) -> Tensor:
        """What the text encoder makes of texts alone: (B, L, W)."""
        return self.bert.read(tokens, padding)

    def video_directions(self, pooled: Tensor) -> Tensor:
        """Pooled vectors (B, P, D) to directions (B, P, shared_width) of unit length."""
        return nn.functional.normalize(self.vision_proj(pooled), dim=-1)

    def text_directions(self, text: Tensor) -> Tensor:
        """Texts (B, L, W), as `read`, to directions (B, shared_width) of unit length.

        The first token stands for a text.
        """
        return nn.functional.normalize(self.text_proj(text[:, 0]), dim=-1)

    def match(self, text: Tensor, padding: Tensor | None, patches: Tensor) -> Tensor:
        """Logits (B, 2) that texts (B, L, W), as `read`, do not and do belong to videos.

        `patches` (B, V, D) are those of `SeenVideo`, or (1, V, D) for all texts.
        """
        return self.itm_head(self.bert.fuse(text, padding, patches)[:, 0])

    def match_with_negatives(
        self, text: Tensor, padding: Tensor, patches: Tensor, negatives: Negatives
    ) -> Tensor:
        """Logits (3B, 2), as `match`, of B pairs and of 2B that do not belong together.

        First the pairs, then every text with another video, then every video with another text.
        """
        others = negatives.texts
        return self.match(
            torch.cat([text, text, text[others]]),
            torch.cat([padding, padding, padding[others]]),
            torch.cat([patches, patches[negatives.videos], patches]),
        )

    def guess_words(self, tokens: Tensor, padding: Tensor | None, patches: Tensor) -> Tensor:
        """Logits (B, L, vocabulary_size) of every word of texts that belong to videos.

        Raises ValueError for a model without the head of pretraining.
        """
        if not self.config.masked_words:
            raise ValueError("the model has no head for masked words; make it with masked_words")
        return self.text_encoder(self.bert(tokens, padding, patches))

    @torch.no_grad()
    def clamp_temperature_(self) -> None:
        """Keeps the temperature in its published range, 0.001 to 0.5; called in training."""
        self.temp.clamp_(*_TEMPERATURE_RANGE)

    def forward(self, clip: Tensor, tokens: Tensor, padding: Tensor | None = None) -> Tensor:
        """Similarity (videos, texts) of clips with texts, cosines at temperature 1.

        With a vector per frame it is the mean over frames.
        """
        videos = self.video_directions(self.see(clip).pooled)
        return similarity(videos, self.text_directions(self.read(tokens, padding)))


_register = register_model("videomamba_retrieval", VideoMambaRetrieval)


def _config(base: RetrievalConfig, **overrides: Any) -> RetrievalConfig:
    """`base` with fields replaced, those of its vision encoder too; a teacher is made to fit."""
    own = {entry.name for entry in fields(RetrievalConfig)}
    vision = {name: overrides.pop(name) for name in set(overrides) - own}
    config = replace(base, **{"vision": replace(base.vision, **vision), **overrides})
    if config.teacher is None:
        return config
    sizes = config.teacher.sizes_for(config.vision.token_grid, config.num_frames)
    return replace(config, teacher=replace(config.teacher, **sizes))


_MIDDLE = RetrievalConfig(vision=RetrievalVisionConfig(**SIZES["middle"]))
_MINI = RetrievalConfig(
    # A mean over patches is much shorter than CLS, which then is all that their sum shows.
    vision=RetrievalVisionConfig(**SIZES["mini"], target_width=64, pooling="avg"),
    text=BertConfig(
        vocabulary_size=64,
        width=96,
        depth=4,
        heads=4,
        inner_width=384,
        positions=32,
        fusion_layer=2,
        vision_width=64,
    ),
    shared_width=64,
)
_DEBUG = RetrievalConfig(
    vision=RetrievalVisionConfig(**SIZES["debug"], target_width=16),
    text=BertConfig(
        vocabulary_size=40,
        width=16,
        depth=3,
        heads=2,
        inner_width=32,
        positions=16,
        fusion_layer=2,
        vision_width=24,
    ),
    shared_width=12,
)


@_register
def videomamba_retrieval_middle(**overrides: Any) -> RetrievalConfig:
    """The published model as it is evaluated; BERT-base reads, layers 9 to 11 fuse."""
    return _config(_MIDDLE, **overrides)


@_register
def videomamba_retrieval_middle_pretrain(**overrides: Any) -> RetrievalConfig:
    """The published model as it is pretrained: with its teacher and the head for masked words."""
    return _config(_MIDDLE, **{"masked_words": True, "teacher": clip_tower_b16(), **overrides})


@_register
def videomamba_retrieval_mini(**overrides: Any) -> RetrievalConfig:
    """Small enough to train on two cores, with the trunk of `videomamba_mini`. Ours."""
    return _config(_MINI, **overrides)


@_register
def videomamba_retrieval_debug(**overrides: Any) -> RetrievalConfig:
    """A video-text model small enough for tests, with the trunk of `videomamba_debug`. Ours."""
    return _config(_DEBUG, **overrides)


@_register
def videomamba_retrieval_debug_pretrain(**overrides: Any) -> RetrievalConfig:
    """`videomamba_retrieval_debug` with the parts of pretraining. Ours."""
    return _config(_DEBUG, **{"masked_words": True, "teacher": clip_tower_debug(), **overrides})
