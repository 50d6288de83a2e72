from concurrent.futures import ThreadPoolExecutor

import pytest

from app.recently_used import RecentlyUsed


def test_the_value_used_longest_ago_leaves_first():
    store = RecentlyUsed(2)
    store.get_or_make("a", lambda: 1)
    store.get_or_make("b", lambda: 2)
    store.get_or_make("a", lambda: 0)
    store.get_or_make("c", lambda: 3)
    assert "a" in store and "c" in store and "b" not in store
    assert store.get_or_make("a", lambda: 9) == 1


def test_heavy_values_push_out_more_and_the_newest_always_stays():
    store = RecentlyUsed(10, weight=len)
    for key in ("aaaa", "bbbb", "cc"):
        store.get_or_make(key, lambda key=key: key)
    assert len(store) == 3
    store.get_or_make("dddddd", lambda: "dddddd")
    assert "cc" in store and "dddddd" in store and len(store) == 2
    store.get_or_make("e" * 11, lambda: "e" * 11)
    assert len(store) == 1 and "e" * 11 in store


def test_a_failed_make_leaves_nothing_behind():
    store = RecentlyUsed(2)
    with pytest.raises(KeyError):
        store.get_or_make("a", lambda: {}["missing"])
    assert len(store) == 0
    assert store.get_or_make("a", lambda: 1) == 1


def test_a_store_for_nothing_is_refused():
    with pytest.raises(ValueError, match="at least 1"):
        RecentlyUsed(0)


def test_threads_never_push_it_over_its_limit():
    store = RecentlyUsed(3)
    with ThreadPoolExecutor(8) as pool:
        values = list(pool.map(lambda n: store.get_or_make(n % 7, lambda: n % 7), range(700)))
    assert values == [n % 7 for n in range(700)]
    assert len(store) == 3
