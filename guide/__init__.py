"""Draw and check the documentation of this repository. Not installed."""
