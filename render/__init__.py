"""CAD and 3D models in, exactly labelled training images out."""

import os

__version__ = "0.1.0"

# BLAS splits long sums among its threads: another number of them, another last bit, and frames
# must not depend on the machine's cores. It reads this when NumPy is imported.
os.environ["OPENBLAS_NUM_THREADS"] = "1"
