"""Texts as models are fed them."""
