"""How the MoMa section of Adapters is computed, in words and equations."""

HOW_MODULATION = r"""
Every layer of a frozen CLIP picture tower is cut into three steps: **Divide**, its own attention
inside windows of each frame; **Modulate**, selective scans over all tokens of the clip; and its own
perceptron. Of every token $x$ the scans say two vectors as wide as it, a scale $y_1$ and a bias
$y_2$: $m = y_1 \cdot x + y_2 + x$ (**SeqMod**), so that with $y_1 = y_2 = 0$ the frozen features
pass untouched. Only the scans are trained.

- **Scale** is the mean of $|y_1|$ over channels, **bias** $\|y_2\| / \|x\|$, **turn**
  $1 - \cos(m, x)$: how far the modulation disturbs a frozen feature.
- **Strength** multiplies what the last projection of every scan says beyond where it begins, which
  is zero; of *no skip* the scale begins at 1, of *concat* the mixing weights at [identity, 0]
  (untrained, their second half is drawn too: with zeros nothing would be heard). *Max* and *AdaN on
  a normalised x* are no identity even at strength 0.
- **Reader.** *The frozen tower* is CLIP's own use of it: whole frames, class token, mean over
  frames. *Windows only* has the windows and no scans. Class tokens: without them (the paper's
  formulas) the mean of all patches is read out, which CLIP never was trained for.
- **Patterns** [TM], [T][M], [T][TMM] and [TTMM] say where scans stand among the frozen layers.

**Exact:** every number, for this clip. **Our reading** [design]: widths and norms inside the scans,
the four paths (space first and time first, each both ways, parameters shared), where GELU stands,
what each fusion and pattern computes.

Sources: MoMa (arXiv 2506.23283), of whose full text and code only descriptions are public;
VideoMamba (arXiv 2403.06977) for the scans; CLIP (arXiv 2103.00020).
"""

HOW_REACH = r"""
$J_{p,q}$ is the Jacobian of token $p$ after the last step by token $q$ as it enters the first
layer. Shown is $\sqrt{\mathrm{mean}_v \|J_{p,q}^\top v\|^2}$ over 8 vectors $v$ of random signs
(seed 0), whose expected square is the squared Frobenius norm of $J_{p,q}$. Zero is exactly zero:
there is no path. Windows stand still from layer to layer, so that without scans nothing ever leaves
one; with class tokens a patch hears of its whole frame through its frame's. Shares are of the
squares. It says how far a small change carries, not whether that matters to the answer.
"""

HOW_SHUFFLE = r"""
The frames are reversed, and shuffled 8 times (seed 0, never into their real order); shown is
$1 - \cos$ of the clip's embedding with that in the real order. What a tower says of each frame by
itself, averaged, is the same sum in another order: it can differ by rounding alone. Windows that
span frames, and scans, see another clip.
"""

HOW_MIXING = r"""
Multiply-adds of all layers for one clip of $L = T h w$ tokens of width $D$, without perceptrons,
stem and head, which all share. Attention: $4 D^2 L$ for its projections and $2 D \sum n^2$ for
scores and values over its windows of $n$ tokens: all frames together, frame by frame, or MoMa's
windows. Modulate: its projections, and for each of $q$ paths $9 E N$ a token for decay, input and
output of the states, as in this page's Cost tab. A test compares the formulas with what PyTorch's
counter finds.
"""
