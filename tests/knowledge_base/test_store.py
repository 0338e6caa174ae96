from pathlib import Path

import numpy as np
import pytest

from knowledge_base.articles import Passage
from knowledge_base.repository import StoredPassage
from knowledge_base.store import (
    IndexStore,
    build_index,
    find_generation,
    list_generations,
    remove_others,
)


def make_stored(count: int, audience: str = "public") -> list[StoredPassage]:
    vectors = np.random.default_rng(0).normal(size=(count, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return [
        StoredPassage(Passage(f"a#{i}", "a", "T", ("H", "I"), f"text {i}", audience), vector)
        for i, vector in enumerate(vectors)
    ]


def build(root: Path, generation: int, count: int = 3) -> None:
    build_index(root, generation, make_stored(count), lambda _: None)


def test_what_is_built_is_found_with_all_its_fields(tmp_path: Path) -> None:
    stored = make_stored(3)
    build_index(tmp_path, 7, stored, lambda _: None, "fake")
    store = IndexStore.open(tmp_path / "gen-7")
    near, alike, found = store.search("text 2", stored[1].vector, ["public"], 3)
    assert (store.generation, store.embedder, len(store)) == (7, "fake", 3)
    assert near[0] == "a#1"
    assert "a#2" in alike
    assert found["a#1"].passage == stored[1].passage
    assert found["a#1"].similarity == pytest.approx(1, abs=1e-5)
    assert found["a#2"].similarity == pytest.approx(
        float(stored[1].vector @ stored[2].vector), abs=1e-5
    )
    store.close()


def test_an_empty_generation_opens_and_finds_nothing(tmp_path: Path) -> None:
    build(tmp_path, 1, 0)
    store = IndexStore.open(tmp_path / "gen-1")
    assert store.search("text", np.ones(8, np.float32), ["public"], 3) == ([], [], {})
    store.close()


def test_a_build_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    def fail(_: int) -> None:
        raise RuntimeError("disk full")

    with pytest.raises(RuntimeError, match="disk full"):
        build_index(tmp_path, 1, make_stored(3), fail)
    assert list(tmp_path.iterdir()) == []


def test_the_newest_ones_before_the_kept_one_may_stay(tmp_path: Path) -> None:
    for generation in (1, 2, 3):
        build(tmp_path, generation)
    (tmp_path / ".draft-4-dead").mkdir()
    (tmp_path / "gen-9").mkdir()
    assert list_generations(tmp_path) == [3, 2, 1]
    assert find_generation(tmp_path, 9) is None
    remove_others(tmp_path, keep=3, previous=1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["gen-2", "gen-3"]
    remove_others(tmp_path, keep=3)
    assert [path.name for path in tmp_path.iterdir()] == ["gen-3"]


def test_a_reader_goes_on_when_its_folder_is_deleted(tmp_path: Path) -> None:
    build(tmp_path, 1)
    store = IndexStore.open(tmp_path / "gen-1")
    remove_others(tmp_path, keep=2)
    near, _, found = store.search("text 1", make_stored(3)[0].vector, ["public"], 3)
    assert near[0] == "a#0"
    assert len(found) == 3
    store.close()


def test_a_damaged_folder_is_opened_after_it_was_made_anew(tmp_path: Path) -> None:
    build(tmp_path, 1)
    (tmp_path / "gen-1" / "chroma" / "chroma.sqlite3").write_bytes(b"")
    with pytest.raises(Exception, match=r"passages"):
        IndexStore.open(tmp_path / "gen-1")
    build(tmp_path, 1, 5)
    store = IndexStore.open(tmp_path / "gen-1")
    assert len(store) == 5
    store.close()


@pytest.mark.parametrize(
    ("few", "many", "asker"),
    [("staff", "public", ["public"]), ("public", "staff", ["public"]), ("vip", "staff", ["vip"])],
)
def test_filters_hold_among_ten_thousand(
    tmp_path: Path, few: str, many: str, asker: list[str]
) -> None:
    stored = make_stored(10_000, many)
    one = StoredPassage(Passage("one#0", "one", "T", (), "the one", few), stored[77].vector)
    build_index(tmp_path, 1, [*stored, one], lambda _: None)
    store = IndexStore.open(tmp_path / "gen-1")
    near, alike, found = store.search("the one text 77", one.vector, asker, 30)
    assert {item.passage.audience for item in found.values()} == set(asker)
    assert len(near) == (1 if few in asker else 30)
    assert ("one#0" in near) == ("one#0" in alike) == (few in asker)
    store.close()
