"""Where results cannot be written: one clear line, exit code 2, and what was there before is as it was."""

import json
import os
import resource
import subprocess
import sys

import pytest

from stackjax.compute.programs import Programs
from stackjax.disk import metrics
from stackjax.disk.checkpoint import Checkpoints
from tests.runs.commands import QUICK, WHOLE, run
from tests.runs.test_checkpoint import SHAPES, check, state_at


def one_line(capsys):
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("stackjax")]
    assert len(lines) == 1
    assert lines[0].startswith("stackjax: error: ")
    return lines[0]


@pytest.mark.parametrize("command", [["train", "escape"], ["sweep", "escape", "--sweep.ppo.learning-rate", 0.001, 0.01]])
@pytest.mark.parametrize("out", ["/proc/run", "/sys/run", "FILE/run", "BROKEN/run"])
def test_a_place_that_cannot_be_written(command, out, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Programs, "compile", lambda *_: pytest.fail("found only after compiling"))
    (tmp_path / "FILE").write_text("mine", encoding="utf-8")
    (tmp_path / "BROKEN").symlink_to(tmp_path / "gone")
    assert run(*command, *QUICK, "--out", out) == 2
    assert "out" in one_line(capsys)
    assert (tmp_path / "FILE").read_text(encoding="utf-8") == "mine"


@pytest.mark.long
def test_the_disk_fills_up_while_metrics_are_written(tmp_path):
    """No file may grow beyond 20 kB, which the metrics of 80 logged rows do."""
    environment = {**os.environ, "JAX_ENABLE_COMPILATION_CACHE": "0"}
    train = [
        sys.executable,
        "-m",
        "stackjax.cli",
        "train",
        "escape",
        *QUICK,
        *WHOLE,
        "--ppo.num-updates",
        "40",
        "--out",
        tmp_path / "run",
    ]
    command = ["bash", "-c", 'ulimit -f 20; exec "$@"', "bash", *train]
    finished = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert finished.returncode == 2, finished.stderr
    assert finished.stderr.splitlines()[-1].startswith("stackjax: error: ")
    assert "File too large" in finished.stderr.splitlines()[-1]
    assert "Traceback" not in finished.stderr
    rows = metrics.read(tmp_path / "run/metrics.jsonl")
    assert [row["update"] for row in rows[::2]] == list(range(len(rows[::2])))
    assert json.loads((tmp_path / "run/config.json").read_text(encoding="utf-8"))["game"] == "escape"
    assert run("train", "escape", *QUICK, *WHOLE, "--ppo.num-updates", 40, "--out", tmp_path / "run", "--resume") == 0
    assert len(metrics.read(tmp_path / "run/metrics.jsonl")) == 82


def test_a_checkpoint_that_does_not_fit_leaves_the_earlier_ones(tmp_path):
    """Files may not grow beyond a few bytes: what the system says is an `OSError`, and the earlier checkpoint is read."""
    checkpoints = Checkpoints(tmp_path / "checkpoints", "a run")
    checkpoints.save(state_at(1), 1, 0.1, 0.0)
    code = (
        "import resource, signal, sys, pathlib\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "from stackjax.disk.checkpoint import Checkpoints\nfrom tests.runs.test_checkpoint import state_at\n"
        "checkpoints = Checkpoints(pathlib.Path(sys.argv[1]), 'a run')\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (16, 16))\n"
        "try:\n    checkpoints.save(state_at(2), 2, 0.2, 0.0)\nexcept OSError as error:\n    print('refused', error)\n"
    )
    finished = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "checkpoints")],
        capture_output=True,
        text=True,
        check=False,
        cwd=os.getcwd(),
    )
    assert finished.stdout.startswith("refused"), finished.stderr
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
    again = Checkpoints(tmp_path / "checkpoints", "a run")
    check(again.restore(SHAPES), 1)
