"""The cache of the house, against a list that is searched from its end."""

from __future__ import annotations

import gc
from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from render.system.cache import Cache, Same


class Thing:
    """Something that can be held weakly."""


@given(
    st.integers(1, 20),
    st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 9)), max_size=40),
)
def test_what_was_used_last_stays_within_the_bound(most: int, uses: list[tuple[str, int]]) -> None:
    made, released = Counter[int](), Counter[int]()
    cache: Cache[str, tuple[int, int]] = Cache(
        most, lambda value: value[1], release=lambda value: released.update([value[0]])
    )
    kept: list[tuple[str, tuple[int, int]]] = []
    for i, (key, size) in enumerate(uses):
        found = [entry for entry in kept if entry[0] == key]
        made.update([] if found else [i])

        value = cache.find(key, lambda i=i, size=size: (i, size))  # type: ignore[misc]

        assert value == (found[0][1] if found else (i, size))
        kept = [*(entry for entry in kept if entry[0] != key), (key, value)]
        while sum(v[1] for _, v in kept) > most and len(kept) > 1:
            kept.pop(0)
        assert cache.size == sum(v[1] for _, v in kept)
        assert made - released == Counter(v[0] for _, v in kept)


def test_same_is_equal_for_the_very_same_object_while_it_lives() -> None:
    a, b = np.zeros(3), np.zeros(3)
    key = Same(a)

    assert key == Same(a)
    assert hash(key) == hash(Same(a))
    assert key != Same(b)
    assert key != "a"
    assert not key.is_gone
    del a
    gc.collect()
    assert key.is_gone
    assert key != Same(b)


def test_a_new_object_where_an_old_one_was_is_another() -> None:
    cache: Cache[Same, int] = Cache(1e9, lambda _: 1)
    # CPython gives a freed object's address, and so its id, to the next one of its size.
    ids = set()
    for i in range(50):
        thing = Thing()
        ids.add(id(thing))
        assert cache.find(Same(thing), lambda i=i: i) == i  # type: ignore[misc]
        del thing
    assert len(ids) < 50
    cache.drop(lambda key: key.is_gone)
    assert cache.size == 0


def test_what_is_dropped_or_trimmed_is_released_once() -> None:
    released: list[str] = []
    cache: Cache[str, str] = Cache(100, len, release=released.append)
    for word in ("one", "two", "three"):
        cache.put(word, word)
    cache.drop(lambda key: key == "two")
    assert released == ["two"]
    cache.trim(5)
    assert released == ["two", "one"]
    cache.trim(0)  # the newest stays

    assert cache.get("three") == "three"
    assert cache.get("one") is None
    assert released == ["two", "one"]
