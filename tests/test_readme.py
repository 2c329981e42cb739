"""The Python of the README and of the pages on parts and families runs as printed, in order."""

import functools
import pathlib
import re

import jax
import numpy as np
import pytest

import stackjax as sx
from stackjax.specs.sources import find_game
from tests.runs.commands import run

ROOT = pathlib.Path(__file__).parents[1]
PAGES = {"README.md": 2, "docs/parts.md": 3, "docs/families.md": 5, "docs/groups.md": 1}  # and their blocks of Python


def python_blocks(page: str) -> list[str]:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), flags=re.DOTALL)
    assert len(blocks) == PAGES[page]
    return blocks


@pytest.mark.long
@jax.numpy_dtype_promotion("standard")
def test_python_blocks_run(capsys):
    blocks = [python_blocks("README.md")[0], *python_blocks("docs/parts.md")]
    # The same programs at a smaller size: seeds, rounds and updates.
    search = "search=sx.SearchConfig(num_updates=2, population=16), polish=0"
    small = f"{search}, pomdp=sx.POMDPConfig(num_rounds=20), seeds=2"
    blocks[0] = blocks[0].replace("seeds=10", small)
    blocks[1] = blocks[1].replace("num_rounds=1000", "num_rounds=20").replace("jax.random.key(0), 10", "jax.random.key(0), 2")
    blocks[1] = blocks[1].replace("num_envs=256", "num_envs=16, num_updates=2")
    names: dict = {}
    for block in blocks[:2]:
        exec(block, names)
    assert len(names["run"].seeds) == 2
    assert names["result"].metrics.is_finite.shape == (2, 2)
    assert names["commitments"].shape == (2, 8, 3)
    printed = capsys.readouterr().out
    assert printed.startswith("posted-price-pi: the best commitment of each seed; optimum 0 (closed-form)")
    assert "Certificate(leader_payoff=Array(" in printed
    for block in blocks[2:4]:
        exec(block, names)
    gap, optimum = capsys.readouterr().out.splitlines()
    assert float(gap.split()[1]) <= 0.02
    assert optimum == "3.5 3.5 [0.5 0.5]"


@pytest.mark.long
@jax.numpy_dtype_promotion("standard")
def test_the_example_game_trains_from_its_file(tmp_path):
    """Saved as printed. Firms cut exactly when the tax exceeds their cost, so a tax between the costs is best."""
    path = tmp_path / "my_game.py"
    path.write_text(python_blocks("README.md")[1], encoding="utf-8")
    game = find_game(str(path)).build({"damage": 2.0})
    env = sx.StackelbergPOMDP(game, num_rounds=2000)
    evaluate = functools.partial(sx.evaluate_commitment, jax.random.key(0), env, num_equilibrations=1)
    welfare = [float(evaluate(np.array([tax])).argmax.leader_payoff[0]) for tax in range(6)]
    np.testing.assert_allclose([welfare[0], welfare[2], welfare[5]], [-4.0, -3.0, -4.0], rtol=1e-5)


@pytest.mark.long
def test_the_example_of_a_markov_game_trains_from_the_command_line(tmp_path, capsys):
    path = tmp_path / "toll.py"
    path.write_text(python_blocks("docs/families.md")[0], encoding="utf-8")
    small = ["--seeds", 1, "--polish", 0, "--search.num-updates", 2, "--search.population", 64]
    assert run("train", path, *small, "--out", tmp_path / "run") == 0
    printed = capsys.readouterr().out
    assert "optimum 0.5103 (enumeration)" in printed
    assert printed.count("toll 2") == 2


@pytest.mark.long
@jax.numpy_dtype_promotion("standard")
def test_the_example_of_a_group_trains_from_the_command_line(tmp_path, capsys):
    path = tmp_path / "commute.py"
    path.write_text(python_blocks("docs/groups.md")[0], encoding="utf-8")
    small = ["--seeds", 1, "--polish", 0, "--followers.kind", "pure", "--solver", "search", "--search.num-updates", 2]
    assert run("train", path, *small, "--out", tmp_path / "run") == 0
    printed = capsys.readouterr().out
    assert "optimum -22.5 (enumeration)" in printed
    assert "sound: toll" in printed


@pytest.mark.long
@jax.numpy_dtype_promotion("standard")
def test_the_example_of_a_menu_trains_and_is_bounded(capsys):
    exec(python_blocks("docs/families.md")[2].replace("num_updates=300", "num_updates=60"), {})
    printed = capsys.readouterr().out.splitlines()
    assert "optimum 0.5699 (upper-bound)" in printed[0]
    assert [line.split()[1] for line in printed[2:4]] == ["0.5651", "0.5651"]
    assert float(printed[-1]) == pytest.approx(0.5681, abs=1e-3)


@pytest.mark.long
@jax.numpy_dtype_promotion("standard")
def test_examples_of_contracts_laws_and_persuasion_print_what_they_say(capsys):
    names = {}
    for block in (python_blocks("docs/families.md")[k] for k in (1, 3, 4)):
        exec("import numpy as np\nimport stackjax as sx\nfrom stackjax import menus\n" + block, names)
        (said,) = re.findall(r"print\(.*\)  # (?:about )?(\d\.\d+)", block)
        assert said in capsys.readouterr().out
    assert names["best"].value == pytest.approx(0.8 * (1 - 0.3 / 0.7))


def test_public_names_on_the_pages_exist():
    for page in PAGES:
        for where, name in set(
            re.findall(r"\bsx\.((?:followers|markov|menus|testing)\.)?(\w+)", (ROOT / page).read_text(encoding="utf-8"))
        ):
            module = getattr(sx, where[:-1]) if where else sx
            assert name in module.__all__, (page, name)


def test_links_lead_somewhere():
    for page in ("README.md", *(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md"))):
        for target in re.findall(r"\]\(([^)#\s]+)", (ROOT / page).read_text(encoding="utf-8")):
            assert "://" in target or ((ROOT / page).parent / target).exists(), (page, target)
