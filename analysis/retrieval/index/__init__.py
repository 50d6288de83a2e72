"""An index of clips: windows of videos as vectors, kept so that a text finds the moment."""
