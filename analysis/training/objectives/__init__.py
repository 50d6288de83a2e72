"""What a run learns from its batches: labels, values, a teacher's features.

An objective is a frozen config with

- `outputs(labels)`: how many outputs the model's head needs, None for a model without one,
- `module(model)`: a module holding the model, called with clips, targets and a generator, that
  returns the loss summed over the clips and other sums for the log (`right`: clips answered right),
- `prepare(batch, classes, generator)`: what is done to a whole batch first,
- `draws`: whether the module itself draws random numbers.
"""
