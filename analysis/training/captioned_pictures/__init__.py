"""Captioned pictures: plain shapes in front of photographs."""
