"""How the Retrieval tab finds moments."""

HOW = """
A library is cut into **windows** of a few seconds (ours; the published model is given whole short
videos). Of each window the model sees its frames as published: the middle ones of equal parts,
scaled to a square without keeping proportions. Per frame $i$ it gives a direction $v_i$ of unit
length, the text one direction $w$; their **similarity** is
$s = \\frac{1}{T}\\sum_{i=1}^{T} v_i \\cdot w$, at temperature 1. The index keeps
$\\frac{1}{T}\\sum_i v_i$, so one product with $w$ gives exactly $s$ (LanceDB; up to 20 000 windows
are compared one by one, more through an approximate index).
Of windows that overlap only the best is shown (ours).

**Ordered by match.** The text encoder's last layers read text and patches together and answer
whether they belong together. As published, the nearest by similarity are looked at again and
**their match logits alone decide**: they are neither added to $s$ nor turned into probabilities.
Published are the 128 nearest, here the 16 nearest moments, or as many as are shown.

**Clip to clips** is ours: the cosine of the two windows' means $\\frac{1}{T}\\sum_i v_i$, 1 for a
window and itself. The model was trained to compare clips with texts, not with each other.

**Scores over time** are $s$ of every window, drawn at its middle; all strips share one scale. A
similarity is no probability: read it beside the library's other windows. The bar on a card runs
from the lowest to the highest score among all windows, or among those looked at again.

**The small model** was trained here on made clips: coloured shapes that move over photographs, and
moves of the camera. It knows no other words. On real videos it can tell how the camera and large
objects move, and nothing else should be expected of it. The published models know ordinary English;
they have to be downloaded and take far longer on a CPU.

Videos are told apart by their content: bringing a library up to date embeds what is new and removes
what is gone, also after it was stopped. Source: VideoMamba (arXiv 2403.06977), section 3.5 and
Table 8, with the published evaluation code.
"""
