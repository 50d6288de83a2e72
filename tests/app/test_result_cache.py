import os

from app.result_cache import ResultCache, code_hash, content_hash


def test_results_survive_a_restart(tmp_path):
    ResultCache(tmp_path, limit=5).put("key", {"a": [1, 2.5, None]})
    assert ResultCache(tmp_path, limit=5).get("key") == {"a": [1, 2.5, None]}


def test_unknown_and_damaged_results_count_as_absent(tmp_path):
    cache = ResultCache(tmp_path, limit=5)
    (tmp_path / "bad.json").write_text("{", encoding="utf-8")
    assert cache.get("unknown") is None
    assert cache.get("bad") is None


def test_at_most_limit_results_stay_on_disk_and_the_oldest_leave(tmp_path):
    cache = ResultCache(tmp_path, limit=2)
    for age, key in enumerate(("first", "second", "third")):
        cache.put(key, {})
        os.utime(tmp_path / f"{key}.json", (age, age)) if (tmp_path / f"{key}.json").exists() else 0
    assert sorted(path.stem for path in tmp_path.glob("*")) == ["second", "third"]


def test_a_folder_that_cannot_be_written_keeps_results_in_memory(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    cache = ResultCache(tmp_path / "file" / "below", limit=2)
    cache.put("key", {"a": 1})
    assert cache.get("key") == {"a": 1}


def test_content_hash_follows_the_bytes_not_the_name(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_bytes(b"same")
    two.write_bytes(b"same")
    before = content_hash(one)
    assert before == content_hash(two)
    one.write_bytes(b"other bytes")
    assert content_hash(one) != before


def test_code_hash_is_stable_within_a_run():
    assert code_hash() == code_hash()
    assert len(code_hash()) == 64
