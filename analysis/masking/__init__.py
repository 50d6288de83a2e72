"""Masking: which tokens a strategy hides, what a scan still reaches, what an answer loses."""
