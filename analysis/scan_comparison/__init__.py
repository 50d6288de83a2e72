"""Scan orders compared: what each does to the token grid, and what it does to one clip's answer."""
