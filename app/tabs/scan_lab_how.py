"""How the answers and the geometry in the scan lab are computed, as told on the page."""

HOW_ANSWERS = """
Every layer of VideoMamba reads its tokens as one sequence, once forward and once backward. A scan
order says in which sequence. Here the weights stay as they are and only the sequence changes.

- **Divergence** is the Jensen-Shannon divergence of the class probabilities $p$ from those of the
  trained order $q$, in bits: with $m = (p+q)/2$, half of
  $\\sum p \\log_2 (p/m) + \\sum q \\log_2 (q/m)$. It is 0 for equal answers and at most 1; a class
  of probability 0 adds nothing on its own side, so nothing is smoothed.
- **Agreement** says whether the most probable class is the same, with Spearman's rank correlation
  of all classes.
- **Time** is the median of one forward pass, timed in turn with passes in the trained order, so
  that a machine that slows down slows both; decoding apart. A model whose single pass takes over
  two seconds is run once per order. **Memory** is the peak above weights and clip in one pass: of
  the process on a CPU, of the allocator on a GPU.
- **Exact:** answers and geometry. **Measured here:** time and memory.
- **Robustness, not quality.** Weights are fitted to the neighbours of their own order. Another
  order run on them shows how well they bear reordering; which order is better takes one model
  trained per order.
- **Trained in this order** is such a model: the same size, data, number of clips and seed for
  every order (the scan-order study, tab Results). It names camera moves and motion-captured
  actions, so its classes may differ from those of the weights that are reordered. Where these
  weights are that model themselves, its answer is the one in the row already.
- **Our reading:** released code has the spatial-first order only. The other six follow the
  paper's text; v1 reads spatial first forward and temporal first backward, v2 reads both orders
  in both directions with shared parameters and averages them. CLS keeps its place.

Sources: VideoMamba (Li et al., 2024), section 3.2 and Fig. 7a; Lin (1991) for the divergence.
"""

HOW_GEOMETRY = """
With $p(i)$ the scan position of token $i$, the distance of two tokens is $|p(i) - p(j)|$; reading
backwards does not change it. **Spatial** neighbours share a side within a frame, **temporal** ones
are the same place in consecutive frames. A layer that reads several orders counts, for each pair,
the one that brings it nearest; plans with two kinds of layers show both (a | b in the table).

- **Conv reach:** share of neighbours at most $K - 1$ steps apart, with $K$ taps.
- **Contiguity:** share of consecutive scan positions that are neighbours on the grid.
- The exported file adds the largest distances, the mean Manhattan jump and the decay-weighted
  locality, the mean of $e^{-\\lambda |p(i) - p(j)|}$ with $\\lambda$ the mean of
  $\\Delta \\cdot |A|$ that these weights have on this clip.

All of it is exact and needs no weights (except $\\lambda$). CLS is left out.
"""
