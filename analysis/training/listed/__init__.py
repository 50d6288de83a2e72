"""Training and evaluation on real files, named by the field's list files."""
