"""How the figures of the Mamba-Adaptor section are computed, in words and equations."""

HOW_PLACES = r"""
The scans of a layer run as they always do. After that, **Adaptor-T** adds to each token what it
reads in the states of others. With $z_i$ the mean of a token's $N$ states, $S$ memory sequences
(groups of channels) and $K$ places each:

$p_{i,s,k} = (L-1)\,\sigma(a_{s,k} + W_p z_i)$, $\quad c_{i,s} = \mathrm{softmax}_k(W_c z_i + b)$

$h'_i = h_i + \gamma \sum_k c_{i,s,k}\, \tilde h(p_{i,s,k})$, $\quad y'_i = C_i h'_i + D u_i$

where $\tilde h$ lies between the states of two neighbouring steps of the scan. What is read does
not feed the recurrence, so that it may lie ahead: that is how a causal scan hears of what comes
later. **Adaptor-S** then adds dilated depthwise convolutions of the sum of both directions, within
each frame, CLS left out.

- **Map:** $|y' - y| / |y|$ of each token, $y$ the sum of both directions before the gate, norms
  over channels; $y$ is what the host's scans give for what entered this layer, adaptors of earlier
  layers included.
- **Places:** the $S K$ places of the chosen token in each direction, drawn at the nearest token.
- **Back, ahead:** $p - i$ in steps of that scan, over all tokens, both directions and all places.
- **Entropy** of the coefficients over $\ln K$: 1 where all places count the same.
- **Gamma** multiplies what memory adds, and the kernels with it. At 0 both add nothing.
- Of untrained adaptors *learned* and *static* places are the same: nothing has moved them yet.

The paper gives predictor, softmax and sum. That places are absolute on the sequence, squashed by a
sigmoid and read between two steps, that states are enriched after the scan, gamma, the groups and
the dilations are **our reading**; so are the switches *grid* (bilinear, around the token) and
*past* ($p_i = i\,\sigma(\cdot)$).

Source: Mamba-Adaptor (2025), arXiv 2505.12685.
"""

HOW_FORGETTING = r"""
With step sizes, $B$, $C$, places and coefficients held at this clip's values the output is a sum
over sources:

$\alpha'_{i,s} = \sum_n C_{i,n} ( G_{i,s,n} + \gamma \sum_k c_{i,k}\, \tilde G_{p_{i,k},s,n} )$

with $G_{j,s} = e^{A (S_j - S_s)} \Delta_s B_s$ for sources read before $j$, else 0. Without memory
it is hidden attention. Drawn is the mean of $|\alpha|$ and of $|\alpha'|$ over all pairs of tokens
at a distance and over evenly chosen channels, without the skip; distances count along each scan.

Tests hold that $\sum_s \alpha'_{i,s} u_s + D u_i$ is the layer's own output, and these curves
against the scan's answers to single inputs.
"""

HOW_KERNELS = r"""
Each dilation has one 3 x 3 kernel per channel. Left: root mean square over channels; after it the
kernels of the channels with the most energy, blue below zero and red above, on one scale for all.
**Energy** is the sum of squares of all taps, at the strength above. On the right every tap stands
where it meets the tokens: three dilations 1, 2, 3 touch 25 places of 7 x 7.
"""

HOW_FIELDS = r"""
$|\partial \sum_d f_d / \partial x|$ of the chosen token's final features $f$ with respect to the
pixels $x$, summed over colours; the same model four times, with neither adaptor, either and both,
at the strength above. Colours show $\log_{10}(1 + v)$ over each row's own largest value.
"""

HOW_COSTS = r"""
Parameters by module, and multiply-adds as the Cost tab counts them. Adaptor-T: the scan that gives
$z$, two linear predictors $2 E S K L$, reading and mixing for each direction; linear in $L$.
Adaptor-S: $9 M E$ per patch. Widths of the backbones b1 and b2 are our reading of the paper's
parameter counts.
"""
