"""The stem of every model here: frames cut into patches or tubelets, one token each."""

from dataclasses import dataclass

from torch import Tensor, nn

from analysis.layers.token_grid import TokenGrid


@dataclass(frozen=True)
class StemConfig:
    """What comes in and how it is cut.

    `num_frames` None makes an image model. `image_size` is one side or (height, width) in pixels.
    `tubelet` is the number of frames in a token, `width` D of the tokens.
    """

    width: int = 192
    num_frames: int | None = 8
    image_size: int | tuple[int, int] = 224
    patch_size: int = 16
    tubelet: int = 1
    in_channels: int = 3

    def __post_init__(self) -> None:
        if any(side % self.patch_size for side in self.frame_size):
            raise ValueError(
                f"an image of {self.frame_size[0]}x{self.frame_size[1]} pixels can't be cut into "
                f"patches of {self.patch_size}; choose a multiple of {self.patch_size}"
            )
        if self.num_frames is not None and self.num_frames % self.tubelet:
            raise ValueError(
                f"{self.num_frames} frames can't be cut into tubelets of {self.tubelet}; "
                f"choose a multiple of {self.tubelet}"
            )

    @property
    def frame_size(self) -> tuple[int, int]:
        """Height and width of a frame in pixels."""
        size = self.image_size
        return (size, size) if isinstance(size, int) else tuple(size)

    @property
    def token_grid(self) -> TokenGrid:
        """The grid of patch tokens."""
        height, width = (side // self.patch_size for side in self.frame_size)
        frames = 1 if self.num_frames is None else self.num_frames // self.tubelet
        return TokenGrid(frames, height, width)


class PatchEmbedding(nn.Module):
    """Non-overlapping patches (image) or tubelets (video) to D channels each."""

    def __init__(self, config: StemConfig):
        super().__init__()
        frames = () if config.num_frames is None else (config.num_frames,)
        self.clip_shape = (config.in_channels, *frames, *config.frame_size)
        patch = config.patch_size
        if config.num_frames is None:
            self.proj = nn.Conv2d(config.in_channels, config.width, patch, stride=patch)
        else:
            kernel = (config.tubelet, patch, patch)
            self.proj = nn.Conv3d(config.in_channels, config.width, kernel, stride=kernel)

    def forward(self, clip: Tensor) -> Tensor:
        """(B, C, H, W) or (B, C, T, H, W) to (B, t, h*w, D).

        Raises ValueError when the clip does not have the size the stem was made for.
        """
        if tuple(clip.shape[1:]) != self.clip_shape:
            raise ValueError(
                f"the model takes clips of shape (B, {', '.join(map(str, self.clip_shape))}), "
                f"got {tuple(clip.shape)}"
            )
        if isinstance(self.proj, nn.Conv2d):
            return self.proj(clip).flatten(2).transpose(1, 2)[:, None]
        return self._project_tubelets(clip)

    def _project_tubelets(self, clip: Tensor) -> Tensor:
        """The 3-D convolution as one matrix product: patches do not overlap, so it is one."""
        weight = self.proj.weight
        _, _, kt, kh, kw = weight.shape
        batch, channels, frames, height, width = clip.shape
        t, h, w = frames // kt, height // kh, width // kw
        patches = clip.reshape(batch, channels, t, kt, h, kh, w, kw)
        patches = patches.permute(0, 2, 4, 6, 1, 3, 5, 7).reshape(batch, t, h * w, -1)
        return nn.functional.linear(patches, weight.flatten(1), self.proj.bias)
