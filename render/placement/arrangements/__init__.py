"""One file for each arrangement of targets; each registers its class."""
