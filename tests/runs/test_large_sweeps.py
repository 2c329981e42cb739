"""Sweeps over games too large for tables: the solver that fits, and no table of two kinds of results."""

import stackjax as sx
from stackjax.cli import main

SMALL = ["--pomdp.num-rounds", "3", "--pomdp.num-reward-episodes", "4", "--pomdp.evaluation-rounds", "4", "--seeds", "1"]


def test_games_on_both_sides_of_the_limit_are_swept_apart(tmp_path, capsys):
    sizes = ["--sweep.game.num-agents", "2", "9", "--solver", "policy"]
    assert main(["sweep", "posted-price-uniform", *SMALL, *sizes, "--out", str(tmp_path / "out")]) == 2
    assert "sweep them apart" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_sweep_of_a_large_game_takes_the_solver_that_fits(tmp_path, monkeypatch):
    taken = []

    def stop_here(sweep, *_, **__):
        taken.append(sweep)
        raise sx.InputError("that is all there is to see")

    monkeypatch.setattr("stackjax.runs.sweep.run_sweep", stop_here)
    arguments = [
        "sweep",
        "posted-price-uniform",
        "--game.num-agents",
        "12",
        *SMALL,
        "--sweep.followers.step-size",
        "0.1",
        "0.2",
    ]
    assert main([*arguments, "--out", str(tmp_path / "out")]) == 2
    assert [sweep.base.solver_entry.name for sweep in taken] == ["policy"]
