"""CAD and 3D models in, exactly labelled training images out."""

__version__ = "0.1.0"
