"""Files of a run: who may read them, what a failed write leaves, and what is made of damaged lines."""

import json
import os
import warnings

import pytest

from stackjax.disk import files, metrics

ROW = dict.fromkeys(metrics.READ, 0.0) | {"update": 1, "seed": 0}


@pytest.mark.parametrize(("umask", "mode"), [(0o077, 0o600), (0o022, 0o644), (0o002, 0o664)])
def test_files_are_made_as_the_umask_says(umask, mode, tmp_path):
    before = os.umask(umask)
    try:
        files.write_text(tmp_path / "written", "a")
        files.append_lines(tmp_path / "appended", ["a"])
        files.write_text(tmp_path / "written", "b")  # one that is replaced, too
    finally:
        os.umask(before)
    assert {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {"written": mode, "appended": mode}
    assert (tmp_path / "written").read_text(encoding="utf-8") == "b"


def test_a_write_that_fails_leaves_what_was_there(tmp_path, monkeypatch):
    path = tmp_path / "config.json"
    path.write_text("before", encoding="utf-8")
    seen = []

    def full(handle):
        seen.extend(entry.name for entry in tmp_path.iterdir())
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        files.write_text(path, "after")
    assert all(name == "config.json" or name.startswith(".config.json.") for name in seen)  # as a run's clean-up knows it
    assert len(seen) == 2
    assert [entry.name for entry in tmp_path.iterdir()] == ["config.json"]
    assert path.read_text(encoding="utf-8") == "before"


def test_damaged_lines_are_left_out_with_one_warning(tmp_path):
    path, whole = tmp_path / "metrics.jsonl", json.dumps(ROW)
    path.write_bytes(f"{whole}\n{whole[:9]}\n{whole}\n3\n{{}}\n".encode() + b"\xff\x00\n" + f"{whole}\n{whole[:-9]}".encode())
    with pytest.warns(RuntimeWarning, match=r"metrics\.jsonl, line 2 is damaged and left out, and so are 3 more") as warned:
        assert metrics.read(path) == [ROW] * 3
    assert len(warned) == 1


def test_a_last_line_that_a_kill_cut_short_is_no_damage(tmp_path):
    path, whole = tmp_path / "metrics.jsonl", json.dumps(ROW)
    path.write_text(f"{whole}\n{whole[:9]}", encoding="utf-8")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert metrics.read(path) == [ROW]
