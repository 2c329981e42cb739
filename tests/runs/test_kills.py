"""Kill -9 at random moments, again and again: what is resumed ends as if nothing had happened, bit for bit."""

import os
import random
import signal
import subprocess
import time

import pytest

from tests.runs.commands import metrics_of, result_of, start, wait_for_file

NUM_KILLS = int(os.environ.get("STACKJAX_KILLS", "1"))
TRAIN = [
    "train",
    "maintain",
    "--no-stop-at-optimum",
    "--polish",
    0,
    "--ppo.num-updates",
    6000,
    "--ppo.num-envs",
    16,
    "--pomdp.num-rounds",
    20,
    "--seeds",
    3,
]
PLANNING = [  # the follower was trained beforehand, and is kept
    *("train", "iterated", "--followers.kind", "contextual", "--followers.updates", 100, "--no-stop-at-optimum", "--polish", 0),
    *("--ppo.num-updates", 3000, "--ppo.num-envs", 16, "--seeds", 2),
]
SWEEP = ["sweep", "allocation", "--ppo.num-envs", 16, "--pomdp.num-rounds", 20, "--ppo.num-updates", 120, "--seeds", 2]
SWEEP += ["--sweep.ppo.learning-rate", 1e-4, 1e-2]
OFTEN = ["--checkpoint-seconds", 0.2]


def finish(*arguments):
    process = start(*arguments)
    errors = process.communicate()[1]
    assert process.returncode == 0, errors
    return errors


@pytest.mark.long
@pytest.mark.parametrize("command", [TRAIN, PLANNING, SWEEP], ids=["train", "planning", "sweep"])
def test_killed_at_random_moments(command, tmp_path):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    began = time.monotonic()
    finish(*command, *OFTEN, "--out", whole)
    longest = time.monotonic() - began
    chance = random.Random(3)
    for _ in range(NUM_KILLS):
        process = start(*command, *OFTEN, "--out", cut, "--resume")
        try:
            process.wait(chance.uniform(0.0, longest))
        except subprocess.TimeoutExpired:
            process.kill()
        process.communicate()
    said = finish(*command, *OFTEN, "--out", cut, "--resume")
    assert "passed over" not in said  # a kill damages nothing that is there
    assert result_of(cut) == result_of(whole)
    chunks = lambda: [(place, cut / "chunks" / place.name) for place in (whole / "chunks").iterdir()]
    pairs = chunks() if command is SWEEP else [(whole, cut)]
    for expected, found in pairs:
        assert metrics_of(found) == metrics_of(expected)
    if command is SWEEP:
        assert (cut / "table.csv").read_text(encoding="utf-8") == (whole / "table.csv").read_text(encoding="utf-8")


@pytest.mark.long
@pytest.mark.parametrize(
    ("command", "number"),
    [(TRAIN, signal.SIGINT), (SWEEP, signal.SIGTERM)],
    ids=["train", "sweep"],
)
def test_told_to_stop_it_saves_and_says_so(command, number, tmp_path):
    out = tmp_path / "out"
    batch = out if command is TRAIN else out / "chunks/000000-0"
    process = start(*command, "--out", out)  # would save every ten seconds
    wait_for_file(batch / "metrics.jsonl", process)
    process.send_signal(number)
    errors = process.communicate()[1]
    assert process.returncode == 128 + number
    assert errors.splitlines()[-1].startswith(f"stackjax: error: stopped by {number.name}; what was learned is saved")
    saved = [int(path.name) for path in (batch / "checkpoints").iterdir() if path.name.isdigit()]
    assert max(saved) >= max(row["update"] for row in metrics_of(batch))
    assert not (out / "result.json").exists()
    finish(*command, "--out", out, "--resume")
    rows, num_updates = metrics_of(batch), command[command.index("--ppo.num-updates") + 1]
    expected = sorted({0, *range(num_updates // 40, num_updates + 1, num_updates // 40), num_updates})
    assert [row["update"] for row in rows if row["seed"] == 0 and row.get("configuration", 0) == 0] == expected
