"""Metrics in TensorBoard's files and in W&B's: every number of metrics.jsonl once, each seed by itself."""

import collections
import struct
import sys

import pytest

import stackjax as sx
from stackjax.disk.loggers import open_logger
from tests.runs.commands import PLAIN, WHOLE, metrics_of, run

SKIPPED = {"update", "configuration", "seed", "seconds"}


def scalars(folder):
    """``{(name, step): [values]}`` of the event files in a folder, read record by record."""
    from tensorboardX.proto.event_pb2 import Event

    found = collections.defaultdict(list)
    for path in sorted(folder.iterdir()):
        data, place = path.read_bytes(), 0
        while place < len(data):
            (length,) = struct.unpack("<Q", data[place : place + 8])
            event = Event.FromString(data[place + 12 : place + 12 + length])
            place += length + 16
            for value in event.summary.value:
                found[value.tag, event.step].append(value.simple_value)
    return found


def expected(place, **series):
    rows = [row for row in metrics_of(place) if series.items() <= row.items()]
    return {(name, row["update"]): v for row in rows for name, v in row.items() if name not in SKIPPED and v is not None}


@pytest.mark.long
def test_tensorboard_has_every_number_once_and_resuming_doubles_none(tmp_path):
    place = tmp_path / "run"
    command = ["train", "maintain", *PLAIN, *WHOLE, "--log", "tensorboard", "--out", place]
    assert run(*command) == 0
    for again in (False, True):
        if again:
            assert run(*command, "--resume") == 0
        assert sorted(path.name for path in (place / "tensorboard").iterdir()) == ["seed-0", "seed-1"]
        for seed in (0, 1):
            wanted, found = expected(place, seed=seed), scalars(place / f"tensorboard/seed-{seed}")
            assert wanted.keys() == found.keys()
            assert {name for name, _ in wanted} >= {"greedy_payoff", "bcce_gap", "mean_return", "stackelberg_episodes"}
            for key, values in found.items():
                assert values == [pytest.approx(wanted[key], rel=1e-6)], key
    assert run(*command, "--overwrite") == 0
    assert all(len(values) == 1 for values in scalars(place / "tensorboard/seed-0").values())  # earlier events are gone


@pytest.mark.long
@pytest.mark.parametrize(
    ("command", "series"),
    [("train maintain", {"0", "1"}), ("sweep maintain --sweep.followers.step-size 0.1 0.5", {"0-0", "0-1", "1-0", "1-1"})],
)
def test_wandb_has_a_run_for_each_series_offline(command, series, tmp_path, monkeypatch):
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    place = tmp_path / "run"
    assert run(*command.split(), *PLAIN, "--log", "wandb", "--out", place) == 0
    folders = [path.name for path in (place / "wandb").iterdir() if path.name.startswith("offline-run-")]
    group = (place / "wandb/group").read_text(encoding="utf-8")
    assert sorted(name.split(f"{group}-")[1] for name in folders) == sorted(series)


def test_mistakes_are_said_before_anything_is_computed(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)
    assert run("train", "maintain", *PLAIN, "--log", "wandb", "--out", tmp_path / "run") == 2
    assert "--log wandb needs the package wandb: pip install 'stackjax[wandb]'" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
    assert run("train", "maintain", "--log", "nope", "--out", tmp_path / "run") == 2
    with pytest.raises(sx.InputError, match="log='tensorboard' needs out"):
        sx.train("maintain", log="tensorboard")
    with pytest.raises(sx.InputError, match="log=nope must be one of tensorboard, wandb"):
        open_logger("nope", tmp_path, "", {})
    assert open_logger(None, tmp_path, "", {}) is None
