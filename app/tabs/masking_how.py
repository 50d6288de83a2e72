"""How the masks of the Masking tab are drawn."""

HOW = """
A mask says of each of the $t \\times h \\times w$ patches whether it is hidden; CLS never is.
Hidden tokens are dropped **before the first layer**, after positions were added, so what is left
moves together and the scan, with the convolution before it, reads it as if nothing had been in
between.
Row masks are the paper's proposal for that reason (arXiv 2403.06977, section 3.4): patches of a row
follow one another in a spatial-first scan, and whole visible rows stay in runs.

With the share $r$ asked for, counts round down as in the published code:

- **Random:** $\\lfloor r\\,thw \\rfloor$ tokens anywhere. **Tube:** $\\lfloor r\\,hw \\rfloor$
  sites, the same in every frame.
- **Clip-row:** $t \\lfloor r h \\rfloor$ rows out of all $th$ of the clip. **Frame-row:**
  $\\lfloor r h \\rfloor$ rows of each frame. Rows stay whole, so less than $r$ is hidden where $h$
  does not divide.
- **Attention:** of each frame $\\lfloor r\\,hw \\rfloor$ tokens. Those left are drawn without
  replacement in proportion to how much the teacher's CLS token attends to them in its last block,
  mean of the heads: they tend to be the telling ones, but are not simply the top.
- **Block** (ours): $\\lfloor r\\,hw \\rfloor$ sites, the same in every frame, under random
  rectangles of 10 to 25 % of the frame, the last one cut short.
- **Motion** (ours): of each frame $\\lfloor r\\,hw \\rfloor$ tokens, drawn without replacement in
  proportion to the squared difference to the frame before: what moves tends to be hidden.

The published teacher is CLIP's ViT-B/16. Without such a file the page uses a small tower trained
here and names it; the environment variable `SCANSCOPE_CLIP` names a CLIP file to use instead. As in
the published recipe, the teacher is given the clip as the student sees it, normalised with
ImageNet's mean and deviation.

**Exact:** masks, counts and runs. Each strategy starts a generator at the seed, so a strategy,
ratio and seed always give the same mask on the same clip and grid. A **run** is a stretch of
visible tokens with no hidden one between them in the token order; backwards it is the same run.
"""
