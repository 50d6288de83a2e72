"""Windows of videos and texts as the vectors that are compared."""

import io
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from PIL import Image

from analysis.retrieval.errors import RetrievalError
from analysis.retrieval.evaluation import EncodedTexts, check_vocabulary, encode_texts
from analysis.retrieval.index.library import CutVideo
from analysis.retrieval.index.records import WindowRecord
from analysis.retrieval.text_scores import typed_length
from analysis.text.word_pieces import WordPieces, plain_text
from analysis.video.decode import decode_frames, reduced_size
from analysis.video.preprocess import to_clip
from analysis.video.sampling import retrieval_middle_indices
from analysis.weights import LoadedModel

GROUP = 8
"""Windows that go through the model together. Always the same ones of a video, so that a build
that was interrupted makes the numbers of one that was not."""
THUMBNAIL_SIDE = 144
_DECODED_BYTES = 2**28


def groups(windows: int) -> Iterator[range]:
    """Numbers of the windows that go through the model together."""
    for start in range(0, windows, GROUP):
        yield range(start, min(start + GROUP, windows))


def embed_windows(
    loaded: LoadedModel, cut: CutVideo, numbers: Sequence[int], video: str, content_hash: str
) -> list[WindowRecord]:
    """Some windows of a video as records. Raises VideoError for frames that cannot be read."""
    clips, thumbnails = [], []
    for clip, middle in _read(loaded, cut, numbers):
        clips.append(clip)
        thumbnails.append(_webp(middle))
    info = cut.info
    return [
        WindowRecord(
            video=video,
            content_hash=content_hash,
            number=number,
            windows=len(cut.windows),
            t0=float(cut.times_s[number, 0]),
            t1=float(cut.times_s[number, 1]),
            embedding=embedding,
            thumbnail=thumbnail,
            width=info.width,
            height=info.height,
            fps=float(info.fps),
            duration_s=float(info.duration_s),
        )
        for number, embedding, thumbnail in zip(
            numbers, _embed(loaded, clips), thumbnails, strict=True
        )
    ]


def embed_part(loaded: LoadedModel, part: CutVideo) -> np.ndarray:
    """The first window of a video, such as that of `part_of_video`: float32 (C,)."""
    return _embed(loaded, [clip for clip, _ in _read(loaded, part, [0])])[0]


@torch.inference_mode()
def see_parts(loaded: LoadedModel, parts: Sequence[CutVideo]) -> torch.Tensor:
    """Patches (N, V, D) of the first windows of videos, for `match_logits`, on the CPU.

    Raises VideoError for frames that cannot be read.
    """
    weight = loaded.model.vision_proj.weight
    seen = []
    for numbers in groups(len(parts)):
        clips = [clip for number in numbers for clip, _ in _read(loaded, parts[number], [0])]
        clip = torch.stack(clips).to(weight.device, weight.dtype)
        seen.append(loaded.model.see(clip).patches.cpu())
    return torch.cat(seen)


def embed_text(loaded: LoadedModel, pieces: WordPieces, text: str) -> tuple[np.ndarray, int]:
    """A text's direction, float32 (C,) of unit length, and how many word pieces did not fit.

    Raises RetrievalError as `encode_text`.
    """
    found = encode_text(loaded, pieces, text)
    return found.directions[0].numpy(), found.cut[0]


def encode_text(loaded: LoadedModel, pieces: WordPieces, text: str) -> EncodedTexts:
    """One text, read as the captions of an evaluation are.

    Raises RetrievalError for a text without words and a vocabulary that is not the model's.
    """
    check_vocabulary(loaded.model, pieces)
    plain = plain_text(text)
    if not plain:
        raise RetrievalError("There are no words to look for; say what is to be seen.")
    return encode_texts(loaded.model, pieces, [plain], typed_length(loaded.model))


def _read(
    loaded: LoadedModel, cut: CutVideo, numbers: Sequence[int]
) -> Iterator[tuple[torch.Tensor, np.ndarray]]:
    """Windows' clips as the model is shown them, and the pixels of their middle frames.

    Neighbours are decoded together, which spares running up to each from the key frame before it.
    """
    num_frames = loaded.config.num_frames
    window_bytes = 3 * cut.info.width * cut.info.height * num_frames
    at_once = max(1, _DECODED_BYTES // window_bytes)
    for start in range(0, len(numbers), at_once):
        chosen = [
            window.start + retrieval_middle_indices(window.stop - window.start, num_frames)
            for window in (cut.windows[number] for number in numbers[start : start + at_once])
        ]
        distinct = np.unique(np.concatenate(chosen))
        decoded = decode_frames(cut.path, distinct).pixels
        for indices in chosen:
            pixels = decoded[np.searchsorted(distinct, indices)]
            yield to_clip(pixels, loaded.preprocessing), pixels[num_frames // 2]


@torch.inference_mode()
def _embed(loaded: LoadedModel, clips: Sequence[torch.Tensor]) -> np.ndarray:
    model, weight = loaded.model, loaded.model.vision_proj.weight
    seen = model.see(torch.stack(list(clips)).to(weight.device, weight.dtype))
    return model.video_directions(seen.pooled).float().mean(1).cpu().numpy()


def _webp(pixels: np.ndarray) -> bytes:
    height, width = pixels.shape[:2]
    picture = Image.fromarray(pixels).resize(reduced_size(width, height, THUMBNAIL_SIDE))
    content = io.BytesIO()
    picture.save(content, "webp", quality=70)
    return content.getvalue()
