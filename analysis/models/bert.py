"""BERT (arXiv 1810.04805) with its last layers reading a video too.

The text encoder of VideoMamba's video-text model: the first layers see the text alone, the layers
from `fusion_layer` on also attend to the tokens of a video. State-dict names are those of the
published checkpoints.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from analysis.ops.attention import check_heads

_NORM_EPS = 1e-12
_SEGMENTS = 2


@dataclass(frozen=True)
class BertConfig:
    """Everything that shapes a text encoder; the values are those of BERT-base, uncased.

    vocabulary_size: token numbers run below it. positions: tokens of the longest text.
    fusion_layer: number of the first layer that attends to a video, whose tokens have
        `vision_width` channels; `depth` for none.
    dropout: share of activations and attention weights left out in training.
    """

    vocabulary_size: int = 30_522
    width: int = 768
    depth: int = 12
    heads: int = 12
    inner_width: int = 3072
    positions: int = 512
    fusion_layer: int = 9
    vision_width: int = 576
    dropout: float = 0.1

    def __post_init__(self) -> None:
        check_heads(self.width, self.heads)
        if not 0 <= self.fusion_layer <= self.depth:
            raise ValueError(
                f"fusion can't begin at layer {self.fusion_layer} of {self.depth}; choose 0 to "
                f"{self.depth}"
            )


class Embeddings(nn.Module):
    """Token numbers to the vectors that enter the first layer."""

    def __init__(self, config: BertConfig):
        super().__init__()
        width, numbers = config.width, torch.arange(config.positions)
        self.word_embeddings = nn.Embedding(config.vocabulary_size, width)
        self.position_embeddings = nn.Embedding(config.positions, width)
        self.token_type_embeddings = nn.Embedding(_SEGMENTS, width)
        self.LayerNorm = nn.LayerNorm(width, eps=_NORM_EPS)
        self.dropout = nn.Dropout(config.dropout)
        # Kept in checkpoints as published; it is what it says.
        self.register_buffer("position_ids", numbers[None])

    def forward(self, tokens: Tensor) -> Tensor:
        """Token numbers (B, L) to (B, L, W), all of the first segment."""
        length, longest = tokens.shape[1], self.position_ids.shape[1]
        if length > longest:
            raise ValueError(f"a text of {length} tokens was given; the longest has {longest}")
        x = self.word_embeddings(tokens) + self.token_type_embeddings.weight[0]
        return self.dropout(self.LayerNorm(x + self.position_embeddings.weight[:length]))


class Projections(nn.Module):
    """What attention compares and gathers; `source_width` is that of what is attended to."""

    def __init__(self, width: int, source_width: int):
        super().__init__()
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(source_width, width)
        self.value = nn.Linear(source_width, width)


class AddAndNorm(nn.Module):
    """A linear layer, added to what was there before, normalised after."""

    def __init__(self, inner_width: int, width: int, dropout: float):
        super().__init__()
        self.dense = nn.Linear(inner_width, width)
        self.LayerNorm = nn.LayerNorm(width, eps=_NORM_EPS)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, before: Tensor) -> Tensor:
        return self.LayerNorm(self.dropout(self.dense(x)) + before)


class BertAttention(nn.Module):
    """Multi-head attention of a text to itself or to a video, and what follows it."""

    def __init__(self, config: BertConfig, source_width: int):
        super().__init__()
        self.heads, self.dropout = config.heads, config.dropout
        self.self = Projections(config.width, source_width)
        self.output = AddAndNorm(config.width, config.width, config.dropout)

    def forward(self, x: Tensor, source: Tensor, padding: Tensor | None = None) -> Tensor:
        """Text (B, L, W) attending to `source` (B or 1, S, C), not where `padding` (B, S) is."""
        query, key, value = (
            projection(tokens).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for projection, tokens in (
                (self.self.query, x),
                (self.self.key, source),
                (self.self.value, source),
            )
        )
        # One video may serve a batch of texts: it is projected once.
        key, value = (part.expand(len(x), -1, -1, -1) for part in (key, value))
        mixed = F.scaled_dot_product_attention(
            query,
            key,
            value,
            attn_mask=None if padding is None else ~padding[:, None, None],
            dropout_p=self.dropout if self.training else 0.0,
        )
        return self.output(mixed.transpose(1, 2).flatten(2), x)


class BertLayer(nn.Module):
    """Attention within the text, in a fusion layer attention to a video, and a perceptron."""

    def __init__(self, config: BertConfig, fusion: bool):
        super().__init__()
        self.attention = BertAttention(config, config.width)
        if fusion:
            self.crossattention = BertAttention(config, config.vision_width)
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(config.width, config.inner_width)})
        self.output = AddAndNorm(config.inner_width, config.width, config.dropout)

    def forward(self, x: Tensor, padding: Tensor | None, video: Tensor | None) -> Tensor:
        x = self.attention(x, x, padding)
        if video is not None:
            x = self.crossattention(x, video)
        return self.output(F.gelu(self.intermediate["dense"](x)), x)


class Bert(nn.Module):
    """The encoder, in two halves that are used apart: `read` the text, `fuse` it with a video.

    Texts are token numbers int64 (B, L) with `padding` bool (B, L), True = padding, or None.
    """

    def __init__(self, config: BertConfig):
        super().__init__()
        self.config = config
        self.embeddings = Embeddings(config)
        layers = (
            BertLayer(config, fusion=number >= config.fusion_layer)
            for number in range(config.depth)
        )
        self.encoder = nn.ModuleDict({"layer": nn.ModuleList(layers)})
        self.apply(_initialize)

    def read(self, tokens: Tensor, padding: Tensor | None = None) -> Tensor:
        """What the layers before fusion make of a text alone: (B, L, W).

        Raises ValueError for texts longer than there are positions.
        """
        x = self.embeddings(tokens)
        for layer in self.encoder["layer"][: self.config.fusion_layer]:
            x = layer(x, padding, None)
        return x

    def fuse(self, text: Tensor, padding: Tensor | None, video: Tensor) -> Tensor:
        """What the fusion layers make of a text (B, L, W), as `read`, and a video: (B, L, W).

        `video` are its tokens (B, S, vision_width), or (1, S, vision_width) for all texts.
        """
        for layer in self.encoder["layer"][self.config.fusion_layer :]:
            text = layer(text, padding, video)
        return text

    def forward(self, tokens: Tensor, padding: Tensor | None, video: Tensor) -> Tensor:
        """Text and video through all layers: (B, L, W)."""
        return self.fuse(self.read(tokens, padding), padding, video)


class WordPredictions(nn.Module):
    """From tokens of a text to logits of words, with the word embeddings as directions."""

    def __init__(self, config: BertConfig, word_embeddings: nn.Embedding):
        super().__init__()
        self.transform = nn.ModuleDict(
            {
                "dense": nn.Linear(config.width, config.width),
                "LayerNorm": nn.LayerNorm(config.width, eps=_NORM_EPS),
            }
        )
        _initialize(self.transform["dense"])
        self.decoder = nn.Linear(config.width, config.vocabulary_size)
        # One tensor under two names each, as in the published checkpoints.
        self.decoder.weight = word_embeddings.weight
        self.bias = self.decoder.bias = nn.Parameter(torch.zeros(config.vocabulary_size))

    def forward(self, x: Tensor) -> Tensor:
        x = F.gelu(self.transform["dense"](x))
        return self.decoder(self.transform["LayerNorm"](x))


class BertForMaskedWords(nn.Module):
    """The encoder with a head that guesses masked words, as in pretraining."""

    def __init__(self, config: BertConfig):
        super().__init__()
        self.bert = Bert(config)
        predictions = WordPredictions(config, self.bert.embeddings.word_embeddings)
        self.cls = nn.ModuleDict({"predictions": predictions})

    def forward(self, fused: Tensor) -> Tensor:
        """Logits (B, L, vocabulary_size) of the words of texts (B, L, W), as `Bert.fuse`."""
        return self.cls["predictions"](fused)


def _initialize(module: nn.Module) -> None:
    """Normal (0.02) weights and zero biases, as BERT's training starts."""
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=0.02)
    if isinstance(module, nn.Linear):
        nn.init.zeros_(module.bias)
