"""How a profile of a run is made, as told on the page."""

HOW_PROFILE = """
The model runs a few times as usual, then under PyTorch's profiler, which writes down when every
operator began and ended and what memory it took. The model's code names its parts while a profiler
looks on, and every operator belongs to the innermost named part around it.

- **Time** is an operator's own time, without operators that it called, so that all rows sum to the
  step: $\\sum_r t_r = T$. Everything shown is of one step, the one of median duration. **Between
  operators** is time in which only Python ran. On a GPU the times are those of its kernels, and
  *Idle* is the rest of the step.
- **Profiling costs time itself,** a few microseconds a call, which weighs most on small models:
  compare with the time without the profiler, measured just before on as many steps.
- **Gradients** belong to the part whose operator made them, found by the number that PyTorch gives
  to each step of the backward pass. *Gradients* as a row is only their writing to parameters.
- **Scans:** at inference on a CPU one compiled kernel runs both directions of a layer, with step
  sizes, sum and gate, so they cannot be told apart. *Direction by direction* runs them one after
  the other, as training does, and shows forward scan, backward scan and gate. It is slower: do not
  compare its total with anything.
- **Memory** is what PyTorch's allocator gave out above the start of the step. *Taken* counts all of
  it; the peak of a part is the most that was held, by whomever, while it ran. Memory outside
  PyTorch does not show, nor what an operator takes without asking the allocator.
- **Training step:** forward, cross-entropy, backward and an AdamW update of a copy of the model,
  whose weights nobody sees again.
- **Measured here:** all of it, on this machine beside whatever else it did. A second model is made
  with random weights, which changes no times, and reads the same frames at the same size.

The trace opens in [Perfetto](https://ui.perfetto.dev) (drop the file into the page; it is read in
the browser). The zip file is a log folder: unpack it, and with `tensorboard` and
`torch-tb-profiler` installed run `tensorboard --logdir FOLDER`.
"""
