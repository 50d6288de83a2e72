"""How the Why section of the Retrieval tab comes about."""

HOW_WHY = """
**Similarity.** A vector $v_p$ for each time step stands for the clip, a direction $\\hat d$ for
the text: $s = \\frac{1}{P}\\sum_p \\hat v_p \\cdot \\hat d$, with
$v_p = W\\,\\mathrm{LN}(f_{\\mathrm{CLS}} + \\frac{1}{hw}\\sum_i f_{p,i}) + b$ and $f$ the tokens
after the final norm: the video-text contrast of arXiv 2403.06977, section 3.5, at temperature 1.

**After the last layer.** With the deviation in the norm and the length of $v_p$ held at the values
they have here, $s$ is linear in the tokens: patch $i$ of step $p$ brings $g_p \\cdot f_{p,i}$, CLS
$\\sum_p hw\\,g_p \\cdot f_{\\mathrm{CLS}}$, and what biases bring belongs to no token. The sum is
$s$ itself; the badge says how closely, in single precision.

**Entering the last layer.** Further back through that layer: its step sizes, $B$, $C$ and gates are
held too, the scan is then a linear map of its inputs, and each token counts with what it sends all
others and with what it brings along the residual stream. As *Exact contributions, last layer only*
in Attribution, with the text in the place of a class.

**By time step.** The sum over the step's patches; beside it the cosine of the step's own vector,
whose mean over steps is the similarity. CLS belongs to all steps.

**Rather than.** Parts of the difference of two similarities: what speaks for the one text and
against the other. What the two texts share cancels.

**By word.** The text is read anew without the word: an intervention of ours, and not a sum. The
match score is the raw logit of the text encoder's fusion layers, which look at the patches.

**Exact:** every sum. **Not shown:** how denominators, step sizes and gates came to be, and what
earlier layers moved from patch to patch: after the last layer a patch knows much of its neighbours.
"""
