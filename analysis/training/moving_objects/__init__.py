"""Captioned clips: a coloured object moves over a photograph while the camera may move as well."""
