"""The page on other libraries runs as printed, in order, its commands at a smaller size."""

import pathlib
import re

import jax
import pytest

from tests.runs.commands import QUICK, run

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "interoperability.md"


@pytest.mark.long
@jax.numpy_dtype_promotion("standard")
def test_the_page_runs_as_printed(tmp_path, monkeypatch, capsys):
    blocks = re.findall(r"```(\w*)\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert [language for language, _ in blocks].count("python") == 7
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    for language, block in blocks:
        if language == "python":
            exec(block.replace("seeds=2,", "seeds=2, direct=sx.DirectConfig(num_updates=2),"), names)
        for line in block.splitlines() if not language else ():
            words = line.split()
            if words[0] == "stackjax":
                small = [] if words[1] != "train" else QUICK if "ppo" in words else ["--direct.num-updates", "2"]
                assert run(*words[1:], *small) == 0, line
    assert len(list((tmp_path / "runs/escape/tensorboard").iterdir())) == 10
    assert (tmp_path / "runs/logged/tensorboard/seed-1").is_dir()
    assert names["rewards"].shape == (64,)
    assert '"drive on"' in (tmp_path / "chicken.nfg").read_text(encoding="utf-8")
    printed = capsys.readouterr().out.splitlines()
    assert "[0. 1.] [0. 1.] 0.0" in printed
