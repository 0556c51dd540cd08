"""The shortest bridges that join the fragments of a mask."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["Bridge", "join_fragments", "lost_fragments"]

_Ints = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Bridge:
    """A way between two fragments, from pixel to pixel: diagonal, then straight."""

    pixel_a_xy: tuple[int, int]
    pixel_b_xy: tuple[int, int]

    @property
    def cost_px(self) -> int:
        """Pixels under it that belong to neither end."""
        (xa, ya), (xb, yb) = self.pixel_a_xy, self.pixel_b_xy
        return max(abs(xa - xb), abs(ya - yb)) - 1

    @property
    def turns_xy(self) -> tuple[tuple[int, int], ...]:
        """Pixels where its straight parts begin and end, both ends included."""
        (xa, ya), (xb, yb) = self.pixel_a_xy, self.pixel_b_xy
        diagonal = min(abs(xa - xb), abs(ya - yb))
        turn = (xa + diagonal * int(np.sign(xb - xa)), ya + diagonal * int(np.sign(yb - ya)))
        return tuple(dict.fromkeys((self.pixel_a_xy, turn, self.pixel_b_xy)))


def join_fragments(mask: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], list[Bridge]]:
    """Bridges that make one of the 4-connected fragments of a mask, at the least cost.

    Args:
        mask: ``(H, W)`` with at least one pixel.

    Returns:
        The mask without the fragments that hold fewer pixels than the bridges they need,
        and the bridges between the others: one fewer than fragments.

    """
    count, found, stats, _ = cv2.connectedComponentsWithStats(
        mask.astype(np.uint8), connectivity=4, ltype=cv2.CV_32S
    )
    labels = found.astype(np.int32, copy=False)
    if count == 2:  # the background and one fragment
        return mask, []
    areas = stats[:, cv2.CC_STAT_AREA].astype(np.int64)
    tree = _spanning_tree(_candidates(mask, labels.astype(np.int64)), labels)
    kept, bridges = _worth_their_bridge(tree, areas)
    return np.isin(labels, list(kept)), bridges


def lost_fragments(mask: NDArray[np.bool_]) -> tuple[int, int]:
    """How many fragments of a mask `join_fragments` leaves out, and their pixels."""
    n_fragments = cv2.connectedComponents(mask.view(np.uint8), connectivity=4)[0] - 1
    if n_fragments < 2:
        return 0, 0
    kept, bridges = join_fragments(mask)
    return n_fragments - len(bridges) - 1, int(np.count_nonzero(mask) - np.count_nonzero(kept))


def _candidates(mask: NDArray[np.bool_], labels: _Ints) -> _Ints:
    """``(N, 2)`` flat indices of pixels of two fragments that may be closest to each other.

    They are those whose regions of nearest pixels touch. The shortest come first.
    """
    _, cells = cv2.distanceTransformWithLabels(
        (~mask).astype(np.uint8), cv2.DIST_C, 3, labelType=cv2.DIST_LABEL_PIXEL
    )
    pixel_of_cell = np.zeros(cells.max() + 1, dtype=np.int64)
    pixel_of_cell[cells[mask]] = np.flatnonzero(mask)
    nearest = pixel_of_cell[cells]
    pairs = np.concatenate(
        [
            np.stack([one.ravel(), other.ravel()], axis=1)
            for one, other in (
                (nearest[:, :-1], nearest[:, 1:]),
                (nearest[:-1], nearest[1:]),
                (nearest[:-1, :-1], nearest[1:, 1:]),
                (nearest[:-1, 1:], nearest[1:, :-1]),
            )
        ]
    )
    fragment = labels.ravel()
    pairs = pairs[fragment[pairs[:, 0]] != fragment[pairs[:, 1]]]
    y, x = np.divmod(pairs, mask.shape[1])
    length = np.maximum(np.abs(np.diff(x)), np.abs(np.diff(y)))[:, 0]
    order = np.argsort(length, kind="stable")
    ordered: _Ints = pairs[order]
    return ordered


def _spanning_tree(pairs: _Ints, labels: NDArray[np.int32]) -> dict[int, list[tuple[int, Bridge]]]:
    """Neighbours of each fragment in the tree of least cost (Kruskal)."""
    fragments = labels.ravel()[pairs]
    # Only the first pair of each two fragments can matter.
    _, firsts = np.unique(np.sort(fragments, axis=1), axis=0, return_index=True)
    firsts.sort()
    group = list(range(int(labels.max()) + 1))

    def root(i: int) -> int:
        while group[i] != i:
            group[i] = group[group[i]]
            i = group[i]
        return i

    width = labels.shape[1]
    tree: dict[int, list[tuple[int, Bridge]]] = defaultdict(list)
    for (a, b), (p, q) in zip(fragments[firsts].tolist(), pairs[firsts].tolist(), strict=True):
        root_a, root_b = root(a), root(b)
        if root_a == root_b:
            continue
        group[root_a] = root_b
        bridge = Bridge(pixel_a_xy=(p % width, p // width), pixel_b_xy=(q % width, q // width))
        tree[a].append((b, bridge))
        tree[b].append((a, bridge))
    return tree


def _worth_their_bridge(
    tree: dict[int, list[tuple[int, Bridge]]], areas: _Ints
) -> tuple[set[int], list[Bridge]]:
    """The part of the tree, around the largest fragment, that gains more pixels than it costs."""
    largest = 1 + int(np.argmax(areas[1:]))
    parent: dict[int, tuple[int, Bridge]] = {}
    order = [largest]
    for fragment in order:  # grows as it goes: breadth first
        for child, bridge in tree[fragment]:
            if child != largest and child not in parent:
                parent[child] = (fragment, bridge)
                order.append(child)
    gain = areas.tolist()
    for child in reversed(order[1:]):
        above, bridge = parent[child]
        gain[child] -= bridge.cost_px
        gain[above] += max(gain[child], 0)
    kept = {largest}
    bridges = []
    for child in order[1:]:
        above, bridge = parent[child]
        if above in kept and gain[child] > 0:
            kept.add(child)
            bridges.append(bridge)
    return kept, bridges
