"""A whole VideoMamba forward pass beside its matrix products alone."""

from collections.abc import Callable
from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from analysis.layers.mixer import BidirectionalMixer
from analysis.models import create_model
from analysis.models.videomamba import VideoMamba
from analysis.ops.selective_scan import choose_implementation
from analysis.tracing.interleaved import interleaved_timings
from analysis.tracing.peak_memory import measure_peak_memory


@dataclass(frozen=True)
class ModelTiming:
    """A forward pass and the products it contains, timed in turn in one process.

    ratio: forward over matrix products. memory_bytes: peak above weights and input.
    multiply_adds: of the matrix products, per clip.
    """

    model: str
    num_frames: int
    image_size: int
    length: int
    kernel: str
    threads: int
    forward_median_ms: float
    matrix_products_median_ms: float
    ratio: float
    multiply_adds: int
    memory_bytes: int | None
    memory_method: str
    rounds: int

    def row(self) -> dict:
        """As JSON."""
        return asdict(self)


@torch.inference_mode()
def bench_model(
    name: str = "videomamba_tiny",
    *,
    num_frames: int = 16,
    image_size: int = 224,
    rounds: int = 7,
    device: str = "cpu",
) -> ModelTiming:
    """Times one clip through a freshly initialised model; time does not depend on the weights."""
    model = create_model(name, num_frames=num_frames, image_size=image_size).eval().to(device)
    shape = (1, 3, num_frames, image_size, image_size)
    clip = torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(device)
    products = _matrix_products(model)
    calls: dict[str, Callable[[], object]] = {
        "forward": lambda: model(clip),
        "products": lambda: _multiply(products),
    }
    timings = interleaved_timings(calls, rounds=rounds)
    _, memory = measure_peak_memory(lambda: model(clip), device)
    forward_ms, products_ms = (timings[name].median_ms for name in calls)
    return ModelTiming(
        model=name,
        num_frames=num_frames,
        image_size=image_size,
        length=model.token_grid.length,
        kernel=choose_implementation(clip),
        threads=torch.get_num_threads(),
        forward_median_ms=forward_ms,
        matrix_products_median_ms=products_ms,
        ratio=forward_ms / products_ms,
        multiply_adds=sum(x.shape[0] * weight.numel() for x, weight in products),
        memory_bytes=memory.memory_bytes,
        memory_method=memory.method,
        rounds=rounds,
    )


def _multiply(products: list[tuple[Tensor, Tensor]]) -> None:
    """Each product alone: kept results would need fresh memory, which a forward pass reuses."""
    for x, weight in products:
        F.linear(x, weight)


def _matrix_products(model: VideoMamba) -> list[tuple[Tensor, Tensor]]:
    """Input and weight of every matrix product of one clip, on random inputs of its shape."""
    length = model.token_grid.length
    stem = model.patch_embed.proj.weight.flatten(1)
    weights = [(model.token_grid.patches, stem), (1, model.head.weight)]
    for module in model.modules():
        if isinstance(module, BidirectionalMixer):
            weights += [(length, module.in_proj.weight), (length, module.out_proj.weight)]
            for suffix in ("", "_b"):
                for part in ("x_proj", "dt_proj"):
                    weights.append((length, module.get_submodule(part + suffix).weight))
    inputs: dict[tuple[int, int], Tensor] = {}
    for rows, weight in weights:
        shape = (rows, weight.shape[1])
        inputs.setdefault(shape, torch.randn(shape, device=weight.device))
    return [(inputs[rows, weight.shape[1]], weight) for rows, weight in weights]
