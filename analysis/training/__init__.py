"""Training the small model that ships with the project: photographs, camera moves, recipe."""
