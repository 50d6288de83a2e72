"""Clips from files: what is in them, frames at chosen places, and what a model is fed."""
