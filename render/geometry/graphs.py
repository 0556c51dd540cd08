"""What hangs together."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["components"]


def components(one: NDArray[Any], other: NDArray[Any], n: int) -> NDArray[np.int32]:
    """``(n,)``: the number of the connected piece that each of n nodes is of, from 0 on.

    Args:
        one: ``(L,)``: the node at one end of each link.
        other: ``(L,)``: that at the other end.
        n: How many nodes.

    """
    # Here, as everywhere: SciPy takes half a second to import, and a mapped model needs none of it.
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    graph = coo_matrix((np.ones(len(one), bool), (one, other)), shape=(n, n))
    return np.asarray(connected_components(graph, directed=False)[1])
