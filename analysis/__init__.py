"""ScanScope's analysis package: video state-space models and the views into them.

Rooms, each leaning only on those before it: `ops`, `layers`, `models`; `video` is a leaf;
`weights` and `tracing` above the models; `prediction`; then `scan_comparison`, `profiling` and
`training` side by side. Nothing in here imports a user interface.
"""
