"""How captions and annotated lists are scored in the Retrieval tab."""

HOW_MATRIX = """
**Similarity** compares vectors that clips and texts were given apart from each other: the mean over
time steps of $\\hat v_p \\cdot \\hat d$, from -1 to 1. A library of any size can be searched by it.

**Match score** reads clip and text together: the text encoder's last layers attend to the clip's
patches, and a linear head says how much the two belong together (its second logit, any number).
It costs a pass for each pair, so only the nearest 128 by similarity are looked at.

**R@k**: queries in per cent with a right answer among the first $k$. **Re-ranked** as published:
the match score alone orders the nearest, it is not added to the similarity; what was not looked at
stands last. Wrong answers with the same score as a right one stand before it. **Chance** is that
of a random order. Videos are read whole, in the middle frames of equal parts, squashed to a square.

**The list** is JSON as the field has it: objects with "video" and "caption", either of them a text
or several. A name that begins as MSRVTT, DiDeMo, ActivityNet, LSMDC or MSVD is read by that set's
rules (paragraphs, the first 30 s of DiDeMo). Files outside the library are left out.

The example clips are drawn: shapes over stills, in combinations that the small model was never
trained on. They show what it learned, not how it would do on videos of the world.
"""
