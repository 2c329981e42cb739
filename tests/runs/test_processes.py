"""Several devices and several processes: the same results, and nothing lost when one of them is."""

import numpy as np
import pytest

from tests.runs.commands import WHOLE, metrics_of, result_of, start, together, wait_for_file

SMALL = ["train", "maintain", "--ppo.num-envs", 32, "--pomdp.num-rounds", 20, "--ppo.hidden-sizes", 16]
QUICKLY = "--xla_backend_optimization_level=0"  # compiled, that is
LOSSES = ("policy_loss", "value_loss", "entropy", "mean_return")


def finish(processes):
    try:
        outputs = [process.communicate(timeout=600) for process in processes]
    finally:  # those that wait for each other without end
        for process in processes:
            process.kill()
    for process, (_, errors) in zip(processes, outputs, strict=True):
        assert process.returncode == 0, errors
    return outputs


def close(found, expected):
    values = [
        np.array([[row[key] for key in LOSSES] for row in metrics_of(place) if row["update"]]) for place in (found, expected)
    ]
    np.testing.assert_allclose(values[0], values[1], rtol=2e-4, atol=2e-5)


@pytest.mark.long
def test_two_processes_train_as_one_does_to_the_last_bit(tmp_path):
    seeds = [*SMALL, *WHOLE, "--ppo.num-updates", 4, "--seeds", 2]
    finish([start(*seeds, "--out", tmp_path / "one", devices=1)])
    outputs = finish(together(*seeds, "--out", tmp_path / "two", devices=1))
    assert result_of(tmp_path / "two") == result_of(tmp_path / "one")
    assert metrics_of(tmp_path / "two") == metrics_of(tmp_path / "one")
    assert "leader payoff" in outputs[0][0]
    assert "leader payoff" not in outputs[1][0]  # only one of them speaks


@pytest.mark.long
def test_eight_devices_and_two_processes_train_as_one_device_does_to_the_last_bit(tmp_path):
    seeds = [*SMALL, *WHOLE, "--ppo.num-updates", 10, "--seeds", 3]
    finish([start(*seeds, "--out", tmp_path / "one", devices=1)])
    finish([start(*seeds, "--mesh", 8, 1, "--out", tmp_path / "eight", devices=8)])
    finish(together(*seeds, "--mesh", 8, 1, "--out", tmp_path / "two"))
    for several in ("eight", "two"):
        assert result_of(tmp_path / several) == result_of(tmp_path / "one")
        assert metrics_of(tmp_path / several) == metrics_of(tmp_path / "one")


@pytest.mark.long
@pytest.mark.parametrize(("seeds", "mesh"), [(1, (1, 8)), (3, (2, 4))])
def test_two_processes_share_episodes_and_train_as_one_device_does_to_rounding(tmp_path, seeds, mesh):
    """All devices on one run, or half of them, a process's own, on every other one of three."""
    shared = [*SMALL, *WHOLE, "--ppo.num-updates", 4, "--seeds", seeds]
    finish([start(*shared, "--out", tmp_path / "one", devices=1, flags=QUICKLY)])
    finish(together(*shared, "--mesh", *mesh, "--out", tmp_path / "two", flags=QUICKLY))
    close(tmp_path / "two", tmp_path / "one")


@pytest.mark.long
def test_two_processes_sweep_as_one_does(tmp_path):
    sweep = ["sweep", *SMALL[1:], "--ppo.num-updates", 4, "--seeds", 2, "--sweep.ppo.learning-rate", 1e-3, 1e-2, 3e-2]
    finish([start(*sweep, "--out", tmp_path / "one", devices=1, flags=QUICKLY)])
    finish(together(*sweep, "--out", tmp_path / "two", devices=1, flags=QUICKLY))
    assert (tmp_path / "two/table.csv").read_text(encoding="utf-8") == (tmp_path / "one/table.csv").read_text(encoding="utf-8")
    assert result_of(tmp_path / "two") == result_of(tmp_path / "one")


@pytest.mark.long
def test_a_lost_process_costs_nothing(tmp_path):
    long = [*SMALL, *WHOLE, "--ppo.num-updates", 1000, "--seeds", 4, "--checkpoint-seconds", 1]
    finish(together(*long, "--out", tmp_path / "whole", devices=1, flags=QUICKLY))
    processes = together(*long, "--out", tmp_path / "cut", devices=1, flags=QUICKLY)
    wait_for_file(tmp_path / "cut/metrics.jsonl", processes[0])
    processes[1].kill()
    errors = processes[0].communicate()[1]
    processes[1].communicate()
    assert processes[0].returncode == 1
    assert errors.splitlines()[-1].startswith(
        "stackjax: error: another process was lost; start all of them again with --resume"
    )
    assert not (tmp_path / "cut/result.json").exists()
    finish(together(*long, "--out", tmp_path / "cut", "--resume", devices=1, flags=QUICKLY))
    assert result_of(tmp_path / "cut") == result_of(tmp_path / "whole")
    assert metrics_of(tmp_path / "cut") == metrics_of(tmp_path / "whole")
