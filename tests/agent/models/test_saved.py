import os
from pathlib import Path

import numpy as np

from agent.models.prefixes import NO_LOGITS, Kept
from agent.models.saved import SavedPrefixes

STATE = np.arange(10_000).astype(np.uint8)


def make(*tokens: int, audience: str = "public") -> Kept:
    return Kept(audience, np.asarray(tokens, np.int32), STATE, NO_LOGITS)


def age(folder: Path, seconds: float) -> None:
    for path in folder.iterdir():
        os.utime(path, ns=(0, path.stat().st_mtime_ns - int(seconds * 1e9)))


def test_what_is_saved_is_there_for_the_next_process(tmp_path: Path) -> None:
    SavedPrefixes(tmp_path / "new", 10**6).write(make(1, 2, 3, audience="staff"))
    (kept,) = SavedPrefixes(tmp_path / "new", 10**6).read(10**6)
    assert (kept.audience, kept.tokens.tolist()) == ("staff", [1, 2, 3])
    assert np.array_equal(kept.state, STATE)
    (path,) = (tmp_path / "new").iterdir()
    assert path.stat().st_mode & 0o077 == 0


def test_only_what_began_two_prompts_is_wanted_and_once(tmp_path: Path) -> None:
    saved = SavedPrefixes(tmp_path, 10**6)
    kept = make(1, 2, 3)
    assert not saved.wants("public", kept.tokens)
    assert not saved.wants("staff", kept.tokens)
    assert saved.wants("public", kept.tokens)
    saved.write(kept)
    assert not saved.wants("public", kept.tokens)


def test_without_a_budget_nothing_is_wanted(tmp_path: Path) -> None:
    saved = SavedPrefixes(tmp_path, 0)
    assert not any(saved.wants("public", make(1).tokens) for _ in range(3))


def test_what_was_used_longest_ago_goes_first(tmp_path: Path) -> None:
    saved = SavedPrefixes(tmp_path, 25_000)
    saved.write(make(1))
    age(tmp_path, 20)
    saved.write(make(2))
    age(tmp_path, 20)
    assert not saved.wants("public", make(1).tokens)  # it is used again
    saved.write(make(3))
    assert sorted(int(kept.tokens[0]) for kept in saved.read(10**6)) == [1, 3]


def test_no_more_is_read_than_there_is_room_for_the_latest_first(tmp_path: Path) -> None:
    saved = SavedPrefixes(tmp_path, 10**6)
    for token in (1, 2, 3):
        saved.write(make(token))
        age(tmp_path, 20)
    assert [int(kept.tokens[0]) for kept in saved.read(25_000)] == [3, 2]


def test_a_damaged_file_is_passed_over_and_removed(tmp_path: Path) -> None:
    saved = SavedPrefixes(tmp_path, 10**6)
    saved.write(make(1))
    (path,) = tmp_path.iterdir()
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    (tmp_path / "other.npz").write_bytes(b"nothing")
    assert list(saved.read(10**6)) == []
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_costs_nothing_but_the_state(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    saved = SavedPrefixes(tmp_path / "file" / "below", 10**6)
    saved.write(make(1))
    assert list(saved.read(10**6)) == []
