"""What a run learns from its batches: labels, values, texts, a teacher's features.

An objective is a frozen config with

- `model_options(labels)`: what `create_model` has to know: the number of classes, layers aligned,
- `classifies`: whether the model then answers with classes,
- `module(model)`: a module holding the model, called with clips, targets and a generator, that
  returns the loss summed over the clips and other sums for the log (`right`: clips answered right),
- `prepare(batch, classes, generator)`: what is done to a whole batch first,
- `scored`: whether the data can score what is learned; the held-out loss stands for it otherwise,
- `whole_batch`: whether clips of a batch are compared, so that cores do not share it out,
- `note`, where the data's own does not hold for what is learned: what the weights are good for.
"""
