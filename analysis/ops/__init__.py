"""Operators: the selective scan, the causal convolution, norms and scan orders."""
