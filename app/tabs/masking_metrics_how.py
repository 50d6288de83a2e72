"""How the figures of masks and of their effects come about, for whoever unfolds it."""

HOW_METRICS = r"""
- Every figure is the mean of 8 draws that start at the seed; the first is the mask above. Intervals
  hold the mean with 95 % (Student's $t$). *Visible tokens by time step* shows the mask above alone.
- **Run:** visible tokens that follow one another in the scan. The bars count tokens, not runs: how
  many of the visible tokens stand in runs of that length.
- **Gap:** scan steps between consecutive visible tokens before hidden ones were dropped,
  $p_{i+1} - p_i$. After dropping each is 1: the convolution and the state take them for neighbours.
- **In reach:** pairs of visible neighbours (in the frame; same place in consecutive time steps) at
  most $K - 1$ steps apart after dropping, $K$ the width of the convolution, divided by the visible
  tokens. Without a mask a spatial-first scan has nearly 1 in space and 0 in time.
- **Leakage:** share of hidden tokens whose place is visible one time step earlier or later. A model
  could copy them instead of understanding the clip.
- **Motion seen:** share of the squared frame difference that falls on visible tokens. **Evidence
  seen:** share of the magnitude of a map from the Attribution tab, where one was made. A mask that
  chose blindly would show as much of either as of the tokens.
- A **scan order** reads several token orders in its layers and directions: its figures are means
  over all its scans. Orders that read both token orders equally often have equal figures; backward
  scans have the figures of forward ones.
- **Exact:** all counts of a mask. **Sampled:** the means over draws. CLS is never hidden and not
  counted.
"""

HOW_EFFECTS = r"""
- For every strategy and share, 8 masks are drawn from the seed, their hidden tokens are dropped
  before the first layer, and the model answers from what is left. A mean read-out is then that of
  visible tokens. Masks of one share run as one batch.
- **Probability:** of the class that the whole clip is given. Bands hold the mean over draws with
  95 % (Student's $t$, cut to 0 to 1). **Same answer:** share of draws with that class still on top;
  its intervals are Wilson's.
- **Similarity:** cosine between what the classifier is given with and without the mask. It can stay
  high while the answer changes.
- A classifier was not trained on masked clips: this measures how well it bears missing tokens, not
  how well a strategy teaches. Pretraining with these masks trains the model on them.
- Points stand at the share that is really hidden, which rounding makes smaller than the one asked
  for, most with rows.
- **Cost:** tokens left, the median time of masked and whole passes timed in turn, and the peak of
  memory above weights and clip. Only the number of tokens counts, so one strategy stands for all.
  The embedding sees all pixels and is not saved.
- **Exact:** tokens. **Measured here:** time and memory. **Sampled:** everything over draws.
"""
