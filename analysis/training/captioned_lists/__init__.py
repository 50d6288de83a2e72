"""Lists of captioned videos and pictures, as joint pretraining learns from."""
