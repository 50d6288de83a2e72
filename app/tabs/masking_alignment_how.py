"""How the Alignment section of the Masking tab comes about."""

HOW_ALIGNMENT = """
Masked pretraining (arXiv 2403.06977, section 3.4) knows no labels. A mask hides most tokens, the
**student** reads the rest, and a linear decoder per aligned layer says what a frozen **teacher**, a
picture model that sees every frame whole, made of each token $i$ that is left. With both at unit
length the loss is the mean of $2 - 2\\cos(\\hat y_i, y_i)$ over visible patches and CLS.

- **Teacher:** the last block's tokens of CLIP's visual tower, projected, without its last norm; CLS
  is the mean over frames. It is given the clip as the student is, normalised with ImageNet's mean
  and deviation, not CLIP's own, as in the published code. The published teacher is ViT-B/16; the
  student shipped here learned from a small tower that was trained here too.
- **Student:** what enters its last layer is aligned, not what leaves it, and it is not normalised.
  That is how the published code runs, so that the last layer and the final norm learn nothing in
  pretraining.
- **Any other token:** the mean of $\\cos(\\hat y_i, y_j)$ over all pairs of different visible
  patches. Tokens of one clip resemble each other; only what is above it was said of this place.
- **Before training:** the same architecture with its first random weights, under the same mask.

**Exact:** every cosine. The student reads the clip in the frames, resolution and scan order it was
trained in; strategy, share hidden and seed are those of the tab.
"""
