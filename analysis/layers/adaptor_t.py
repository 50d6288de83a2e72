"""Adaptor-T: tokens read the hidden states of others at predicted places (Mamba-Adaptor)."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from analysis.layers.adaptor_config import AdaptorConfig
from analysis.layers.token_grid import TokenGrid
from analysis.layers.visible_tokens import VisibleTokens
from analysis.ops.memory_scan import DEFAULT_CHUNK_BYTES, memory_scan
from analysis.ops.memory_taps import bilinear_taps, linear_taps
from analysis.ops.scan_states import ScanInputs


@dataclass(frozen=True, eq=False)
class MemorySelection:
    """Where every token of a scan reads, S sequences of K places each.

    positions: (B, L, S, K) steps along the scan, 0 the token read first; (B, L, S, K, 2) row and
        column on the grid.
    coefficients: (B, L, S, K), sum 1 over the places of a sequence.
    index: (B, L, S, J) tokens of the scan's sequence that the places lie between.
    weights: (B, L, S, J) coefficient times share in the interpolation.
    """

    positions: Tensor
    coefficients: Tensor
    index: Tensor
    weights: Tensor


class AdaptorT(nn.Module):
    """Adds to a token's output what its own C reads from the states of S * K selected places.

    The scan runs as it always does; the states are enriched after it, so memory may lie ahead and
    does not feed the recurrence. Channels stand in S equal groups, each with places of its own.
    Paper: predictor, coefficients and sum; the rest, marked in `AdaptorConfig`, is our design.

    Args:
        inner_width: E, a multiple of S.
        chunk_bytes: bound on the states that a core holds at once, see `memory_scan`.
    """

    def __init__(
        self, inner_width: int, config: AdaptorConfig, chunk_bytes: int = DEFAULT_CHUNK_BYTES
    ):
        super().__init__()
        self.config, self.chunk_bytes = config, chunk_bytes
        self.sequences, self.places = config.memory_sequences, config.memory_locations
        if inner_width % self.sequences:
            raise ValueError(
                f"{inner_width} channels can't be shared among {self.sequences} memory sequences; "
                "choose a number that divides them"
            )
        count, on_grid = self.sequences * self.places, config.locations == "grid"
        anchors = self._circles() if on_grid else self._tiles()
        if config.selection == "static":
            self.register_buffer("anchors", anchors)
        else:
            self.anchors = nn.Parameter(anchors)
        if config.selection == "predicted":
            self.place_weight = nn.Parameter(torch.zeros(anchors.numel(), inner_width))
        if config.coefficients == "predicted":
            self.coefficient_weight = nn.Parameter(torch.zeros(count, inner_width))
            self.coefficient_bias = nn.Parameter(torch.zeros(count))
        gamma = torch.zeros if config.starts_as_identity else torch.ones
        self.gamma = nn.Parameter(gamma(inner_width))

    def of_direction(self, number: int) -> "AdaptorT":
        """The memory of one of a layer's directions: this one for all of them."""
        return self

    def _tiles(self) -> Tensor:
        """Logits (S, K) of S * K places that tile the sequence, the sequences taking turns."""
        count = self.sequences * self.places
        order = torch.arange(count).view(self.places, self.sequences).T
        return torch.logit((order + 0.5) / count)

    def _circles(self) -> Tensor:
        """(S, K, 2): before tanh, K places evenly on a circle of half a sequence's reach."""
        angle = torch.arange(self.places) * (2 * math.pi / self.places)
        circle = torch.stack([angle.sin(), angle.cos()], dim=-1)
        return torch.atanh(circle / 2).repeat(self.sequences, 1, 1)

    def forward(
        self, scan: ScanInputs, grid: TokenGrid | VisibleTokens, back: Tensor | None = None
    ) -> Tensor:
        """The scan's output with memory, (B, E, L).

        `grid` and `back` say where the tokens of the scan stand, and are read by places on the
        grid alone: back[i] (L,) is the token of the scan that is token i of the grid.
        """
        mean = scan.mean_state().transpose(1, 2)
        chosen = self.select(mean, scan.reverse, grid, back)
        return memory_scan(scan, self.gamma, chosen.index, chosen.weights, self.chunk_bytes)

    def select(
        self,
        mean: Tensor,
        reverse: bool,
        grid: TokenGrid | VisibleTokens,
        back: Tensor | None = None,
    ) -> MemorySelection:
        """The places that tokens with mean states (B, L, E) read; the rest as in `forward`."""
        coefficients = self._coefficients(mean)
        # Half precision can't tell neighbouring places of a long sequence apart.
        offsets = self._offsets(mean).to(torch.promote_types(mean.dtype, torch.float32))
        if self.config.locations == "grid":
            positions, index, shares = self._on_grid(offsets, grid, back)
        else:
            positions, index, shares = self._along(offsets, reverse)
        weights = coefficients[..., None] * shares
        return MemorySelection(positions, coefficients, index.flatten(3), weights.flatten(3))

    def _coefficients(self, mean: Tensor) -> Tensor:
        if self.config.coefficients == "uniform":
            shape = (*mean.shape[:2], self.sequences, self.places)
            return mean.new_full(shape, 1 / self.places)
        scores = F.linear(mean, self.coefficient_weight, self.coefficient_bias)
        return scores.unflatten(2, (self.sequences, self.places)).softmax(-1)

    def _offsets(self, mean: Tensor) -> Tensor:
        """Places before squashing: (B, L, S, K), with a last axis of 2 on the grid."""
        if self.config.selection != "predicted":
            return self.anchors.to(mean.dtype).expand(*mean.shape[:2], *self.anchors.shape)
        return self.anchors + F.linear(mean, self.place_weight).unflatten(2, self.anchors.shape)

    def _along(self, offsets: Tensor, reverse: bool) -> tuple[Tensor, Tensor, Tensor]:
        length = offsets.shape[1]
        last = offsets.new_full((length, 1, 1), length - 1)
        if self.config.memory_range == "past":
            steps = torch.arange(length, device=offsets.device, dtype=offsets.dtype)
            last = (steps.flip(0) if reverse else steps)[:, None, None]
        positions = last * torch.sigmoid(offsets)
        steps, shares = linear_taps(positions, last)
        return positions, length - 1 - steps if reverse else steps, shares

    def _on_grid(
        self, offsets: Tensor, grid: TokenGrid | VisibleTokens, back: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Around every patch, within its frame. CLS has no place there and reads nothing."""
        if isinstance(grid, VisibleTokens):
            raise ValueError(
                "places on the grid need all tokens; choose locations sequence for masks"
            )
        length, device = offsets.shape[1], offsets.device
        # The token of the scan that is each patch, and the patch that each token of the scan is.
        tokens = torch.arange(length, device=device) if back is None else back
        patches = tokens[grid.class_tokens :]
        numbers = torch.zeros(length, dtype=torch.long, device=device)
        numbers[patches] = torch.arange(grid.patches, device=device)
        is_patch = torch.zeros(length, dtype=offsets.dtype, device=device)
        is_patch[patches] = 1
        sites = grid.h * grid.w
        row, column = (x[:, None, None] for x in (numbers % sites // grid.w, numbers % grid.w))
        reach = 2.0 ** torch.arange(1, self.sequences + 1, device=device)
        moved = reach[:, None, None].to(offsets.dtype) * torch.tanh(offsets)
        positions = torch.stack([row + moved[..., 0], column + moved[..., 1]], dim=-1)
        around, shares = bilinear_taps(positions[..., 0], positions[..., 1], grid.h, grid.w)
        frame = (numbers // sites * sites)[:, None, None, None]
        return positions, patches[frame + around], shares * is_patch[:, None, None, None]


class DirectionAdaptors(nn.ModuleList):
    """An Adaptor-T for each direction of a layer, in the order of the directions."""

    def of_direction(self, number: int) -> AdaptorT:
        """The memory of direction `number`."""
        return self[number]
