"""ScanScope's analysis package: video state-space models and the views into them.

Rooms, each leaning only on those before it: `ops`, `layers`, `models`; `video` is a leaf;
`weights` and `tracing` above the models; `prediction`; then `scan_comparison`, `profiling` and
`training` side by side. Nothing in here imports a user interface.
"""

import os

# PyTorch's worker threads otherwise go on spinning for a while after each operation and take the
# cores from the scan's own threads: a VideoMamba forward pass on two cores takes a third longer.
# Read by the OpenMP runtime when torch is first imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
