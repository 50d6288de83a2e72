"""How the figures of the hidden states are computed, in words and equations."""

HOW_MAP = r"""
A layer reads its tokens as a sequence, once forward and once backward. Each direction keeps a
state: $h_t = e^{\Delta_t A} h_{t-1} + \Delta_t B_t u_t$, read as $y_t = C_t h_t + D u_t$. The step
sizes $\Delta$, $B$ and $C$ depend on the input. For *this* clip they are numbers, and with them
held the output is a sum over source tokens $s$:

$\alpha_{t,s} = \sum_n C_{t,n}\, e^{A_n (S_t - S_s)}\, \Delta_s B_{s,n}$, where $S$ is the running
sum of $\Delta$, so that $y_t = \sum_s \alpha_{t,s} u_s + D u_t$.

The convolution $T$ is linear, SiLU is $u = \sigma(c)\,c$ with $\sigma(c)$ held, the gate $g$ is a
factor and $W_o$ projects. What $s$ gives to $t$ is therefore one vector in the residual stream:

$\mathrm{contribution}_{t \leftarrow s} = W_o\,(g_t \cdot [(\alpha + D)\, Q\, T]_{t,s}\, x_s)$,
both directions added. Sources and the bias of the convolution sum to the layer's real output.

- **Taken apart in:** the *residual stream* is all of the above. *Pre-conv* stops before gate and
  projection. *Scan values* are $\alpha_{t,s} u_s$ with the skip: hidden attention times its
  value.
- **Measured as:** *L2 norm*, *L1 norm* of the vector; *signed share*
  $\langle c, o \rangle / \|o\|^2$, which sums to 1 with the bias; *ALTI*
  $\max(0, \|o\|_1 - \|o - c\|_1)$ over the sum of all sources; *logit share*, the part along the
  slope of the most probable class, the final norm's scale held.
- **A frame** receives as the mean of its patches and feeds as their sum. **What the head reads**
  is CLS, or the mean of all patches, in this layer.
- **Colours** run in powers of ten by default: contributions fade exponentially, and a linear
  scale shows only the nearest. Less than a thousandth of the largest stays without colour. The
  bars under the frames are linear.
- **The badge** is $\|\text{sum of parts} - \text{real output}\| / \|\text{real output}\|$; above
  $10^{-4}$ it turns red. **Bias share** is the part of the output that belongs to no token.
- **With adaptors** a token also reads states of others (Adaptor-T),
  $y'_t = y_t + C_t\,\gamma \sum_j w_{tj} h_j$, and convolutions over the grid add the surroundings
  of $y'$ (Adaptor-S). With the chosen tokens and weights $w$ held both are linear too, so that
  maps, matrix and badge have them in. Half-lives, share left and distances below are those of the
  scans alone.
- **In MoMa** a layer is one of its state-space layers, as we read the paper [design]: GELU is
  $u = \Phi(c)\,c$, there is no gate (a switch gives it one), and the mean of all scans goes through
  a norm, whose denominator is held, to a scale and a bias; the contribution to token $x_t$ is
  $\mathrm{scale} \odot x_t + \mathrm{bias}$ with $x_t$ held. Bias share has the biases of the norm
  and the projection in. Windows and frozen perceptrons lie between these layers: they have no part
  here, and behind them a contribution has no share in a logit. No CLS token is scanned, so a patch
  in the middle is asked about first. What a frame or the mean receives takes a pass of every scan
  for each channel of $x_t$, signed shares one pass in all; a map of more than a minute is refused.
- **Exact:** every number, for this clip. **Interpretation:** that a long contribution matters. With
  the input changed, $\Delta$, $B$, $C$ and gates change as well; What if tests that. One layer is
  not the whole model: later layers may undo what it adds.

Sources: Ali et al. (2024), hidden attention of Mamba; Zimerman et al. (2024), gate and convolution
in it; Pitorro and Treviso (2024), token contributions; Ferrando et al. (2022), ALTI. Skip and the
bias of the convolution, left out there, are in here.
"""

HOW_MATRIX = r"""
**Evidence** is the signed share of each source frame in what the head would read of this layer's
output, by direction: $\langle c, o \rangle / \|o\|^2$. Frames, CLS and the bias sum to 1; negative
bars point away from the output. In the last layer this is all that a CLS token, or the mean of the
patches, receives from the mixer; in earlier layers, and in all of MoMa's, it is the direct path
only.

**Token against token** holds the L2 norm of every contribution, rows receive, columns feed. Sources
below the diagonal came by the forward scan, above it by the backward scan, in canonical order (CLS,
then frame after frame). Sequences of more than 256 tokens are drawn in blocks of one frame: the
contribution of a block is one vector (exact, one scan with everything else masked), its length
averaged over the receivers in a block. In spatiotemporal orders, and where time comes first, the
scan jumps between frames, so that both sides of the diagonal mix.
"""

HOW_MEMORY = r"""
- **Step size** $\Delta_t$: mean over channels. The state keeps $e^{\Delta A}$ of itself at each
  token, so a long step writes much and forgets much. Both: the mean of the two directions.
- **Half-life** $\ln 2 / (\Delta_{t} |A_n|)$ over all tokens, channels and states. Divided by the
  steps from a patch to its place in the next time step, *along that scan order*, it becomes time.
- **Share left** $R(k) = \mathrm{mean}\; e^{A (S_t - S_{t-k})}$ with the real step sizes on the way,
  up to half of the sequence; every k-th channel where there are very many.
- **Norm of the state** $\|h_t\|_F$ after each step.
- **Forward and backward**: $\|g\,y_f\|^2$ against $\|g\,y_b\|^2$; their cosine says whether they
  add up or cancel. **Skip**: $\|g D u\| / \|g y\|$, what goes around the state. **Gate**: mean
  $|g|$.
- **Looks back**: steps, patches (up, down and sideways) and time steps from a receiver to its
  sources, weighted with $|\alpha|$; the mean over channels and over up to 64 receivers of each
  scan.
- The models use a first-order input step $\Delta B$; an exact hold would write the share
  shown of it. It is a view only: nothing here is computed with it.

All of it is exact for this clip. That a faded state cannot matter is an interpretation: a small
rest can be read with a large $C$.

Sources: Gu and Dao (2023), Mamba, section 3; Ben-Kish et al. (2024), DeciMamba.
"""

HOW_FIELD = r"""
The **effective receptive field** of a token is $|\partial \sum_d f_d / \partial x|$, where $f$ are
its features after the last layer and $x$ the clip, summed over colours. It follows every path
through the whole model, step sizes and gates included, and says how much a small change of a pixel
would move the features: nothing about large changes, and nothing about the answer.

Colours show $\log_{10}(1 + v)$ over its largest value. The numbers under a row say which part of
all pixels, the strongest first, holds a share of the sum. The token is the patch that was clicked
above, the middle patch of a frame, CLS where the head reads it, else the middle of the clip; in
MoMa the path leads through windows and frozen perceptrons as well. The
second row is the same architecture with random weights on the same clip: what is alike in both is
the architecture's doing, not training's. The scans of an untrained MoMa add nothing, so that its
row shows windows alone.

Sources: Luo et al. (2016), effective receptive fields; Liu et al. (2024), VMamba, figure 4.
"""
