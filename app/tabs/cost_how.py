"""How the figures of the Cost tab come about, for whoever unfolds it."""

HOW_CURVES = r"""
- **A point** is a freshly initialised model (cost does not depend on the weights) reading one
  random batch that is already in memory, in a process of its own. Decoding is not part of it.
  Points of one size are measured one after another, so that a slow minute of the machine meets
  all curves; a sweep may be gone through several times.
- **Time**: after at least 10 calls and 1 s of warming up (or 4 s where a call is slow) calls are
  timed one by one, by the monotonic clock on processors and by CUDA events on GPUs. Lines join
  medians, whiskers reach from the 10th to the 90th percentile. A point is *unsteady* when the
  middle half of its times spreads over more than a tenth of the median.
- **Memory**: the highest moment of one more call above what was held before it (weights and
  input): of the resident size of the process on processors, of the allocator on GPUs. An
  end-of-run difference would miss the transient peak. A training step is forward pass, cross
  entropy and backward pass, its gradients included, without an optimiser.
- **Out of memory and too slow** are points too: crosses above the lines. Larger sizes of the same
  curve are then not run and say so. On processors allocations fail at nine tenths of the free
  memory.
- While a sweep runs, other work of this server waits for it, so that neither spoils the other.
- **Growth** is the least-squares slope $p$ of $\log \mathrm{cost} = p \log L + c$, its interval
  from Student's $t$. A scan is linear in tokens, $p \to 1$; joint attention compares all pairs,
  so its $p \to 2$ once pairs outweigh the layers that work token by token: with width $D$, about
  when $L > 6 D$. Divided attention is not joint attention: $T$ frames of $P$ patches cost $T P^2
  + P T^2$ pairs instead of $(T P)^2$.
- **Crossings** lie on straight lines between points of the log-log plot; intervals come from
  drawing the timed calls anew.
- *softmax* is attention as the product that stores every score, which the paper compared with;
  *sdpa* is PyTorch's scaled dot-product attention, which need not store them. A fair reader looks
  at both.
- VideoMamba-Ti has 24 layers of width 192, TimeSformer-Ti 12 with perceptrons: same width, about
  the same parameters. All models here are this project's own code with the same patch embedding
  and head.
- MoMa and models with adaptors scan too: their kernel is that of the scan, and MoMa's windows
  attend by PyTorch's own kernel. Its training step trains the modulation alone, its CLIP is
  frozen. Vim, VMamba and Mamba-Adaptor b1 and b2 read images: a clip is a batch of its frames to
  them, and what they cost is linear in frames because frames never meet. VMamba's tokens are those
  of its first stage.
- Curves are compared by size class: MoMa-B/16 with attention models of width 768, MoMa-L/14 with
  attention models of its width, depth and patches, which need sizes that 14 divides; VMamba and
  Mamba-Adaptor by their parameters (8 million as Ti, 30 million as S).
- **Exact:** counts of tokens and bytes of weights. **Measured:** times and peaks, on this machine
  only.

Source of the marks: VideoMamba (Li et al., 2024), abstract and Fig. 1 (6 times faster, 40 times
less memory than TimeSformer at 64 frames of 224 px).
"""

HOW_PLAN = r"""
- For every curve of the sweep above, memory and time are fitted as sums of terms that cannot be
  negative: fixed, by token, and by pair of tokens where the model compares pairs and, for memory,
  stores their scores. Least squares on relative errors.
- Each measured point is left out in turn and predicted from the others: *off by* is the largest
  error.
- Weights are added to the fitted peak. A GPU also holds its context (some hundred megabytes) and
  what its allocator keeps in reserve; training holds the states of the optimiser (two more copies
  of the weights for AdamW).
- *Beyond measured* says how far a row reaches past the largest point: above 1 it is extrapolated.
- **Fitted**, not measured: to be sure, take the sweep file to the machine in question and run
  `python -m analysis profile sweep --spec FILE`.
"""
