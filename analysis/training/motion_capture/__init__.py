"""Fifteen motion-captured actions, drawn from any viewpoint at any speed while a model trains."""
