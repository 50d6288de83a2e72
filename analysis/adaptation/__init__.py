"""What adapters do to the model they were put into: MoMa's modulation, Mamba-Adaptor's memory."""
