"""What if: a scan, a state or a clip is changed, and the model runs on from there."""
