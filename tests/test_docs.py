"""The pages of the documentation: their Python runs as printed, their lists are those of the code."""

import ast
import inspect
import json
import operator
import pathlib
import re
import subprocess
import sys

import jax
import matplotlib.pyplot as plt
import pytest

import stackjax as sx
from stackjax import registry
from stackjax.bayesian.games import matrix_design
from stackjax.cli import USAGE
from tests.runs.commands import run

DOCS = pathlib.Path(__file__).parents[1] / "docs"
PAGES = ["index.md", "certificate.md", "tutorial/store.md"]  # others are run by test_readme.py and interop/test_page.py


@pytest.mark.parametrize("page", PAGES)
@jax.numpy_dtype_promotion("standard")
def test_the_python_of_a_page_runs_and_prints_what_it_says(page, capsys):
    names: dict = {}
    try:
        for block in re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), flags=re.DOTALL):
            capsys.readouterr()
            exec(block.replace("seeds=2,", "seeds=2, search=sx.SearchConfig(num_updates=2, population=16),"), names)
            printed = capsys.readouterr().out
            for said in re.findall(r"print\(.*\)  # (.*)", block):
                assert printed.strip().startswith(said.removesuffix(" ...").removesuffix(", for example")), (said, printed)
    finally:
        registry.forget(["store"])


@pytest.mark.long
@pytest.mark.parametrize("page", ["tutorial/markov.md", "tutorial/menu.md", "tutorial/tree.md"])
@jax.numpy_dtype_promotion("standard")
def test_the_python_of_a_tutorial_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(registry, "_ENTRIES", dict(registry._ENTRIES))  # what it registers goes with the test
    names: dict = {"__name__": "tutorial"}
    for block in re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), flags=re.DOTALL):
        exec(block, names)


@pytest.mark.long
@jax.numpy_dtype_promotion("standard")
@jax.numpy_rank_promotion("allow")
def test_the_notebook_runs_from_top_to_bottom(capsys, monkeypatch):
    monkeypatch.setattr(plt, "show", plt.close)
    names: dict = {"__name__": "__main__"}
    for cell in json.loads((DOCS.parent / "notebooks/first_steps.ipynb").read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), names)
    assert (names["best"].optimality_gap, names["own"].best.optimality_gap) == (0.0, 0.0)
    assert "Stopped at update" in capsys.readouterr().out


@pytest.mark.long
def test_the_store_trains_from_its_file(tmp_path):
    (block, *_) = re.findall(r"```python\n(.*?)```", (DOCS / "tutorial/store.md").read_text(encoding="utf-8"), flags=re.DOTALL)
    (tmp_path / "store.py").write_text(block, encoding="utf-8")
    small = ["--search.num-updates", "2", "--search.population", "16", "--pomdp.num-rounds", "20", "--seeds", "1"]
    assert run("train", tmp_path / "store.py", *small, "--polish", "0", "--out", tmp_path / "run") == 0


def test_the_tables_of_small_games_are_those_of_the_code():
    text = (DOCS / "games.md").read_text(encoding="utf-8")
    rows = [line.split("|")[2:-1] for line in text.splitlines() if line.startswith("| row ")]
    cells = [[cell.strip() for cell in row] for row in rows]
    shown = lambda table: [[f"{pay[0]:g}, {pay[1]:g}" for pay in row] for row in table]
    assert cells[:3] == shown(sx.make("escape").payoff_table)
    assert cells[3:6] == shown(sx.make("maintain").payoff_table)
    with_tau = lambda base, bonus: f"{base:g} + τ" if bonus else f"{base:g}"
    pairs = zip(matrix_design.BASE_GAME, matrix_design.TAU_BONUS, strict=True)
    design = [[", ".join(map(with_tau, *cell)) for cell in zip(*row, strict=True)] for row in pairs]
    assert cells[6:] == design


def test_every_error_message_is_listed():
    before = (DOCS / "messages.md").read_text(encoding="utf-8")
    subprocess.run([sys.executable, DOCS / "error_messages.py"], check=True, capture_output=True)
    after = (DOCS / "messages.md").read_text(encoding="utf-8")
    (DOCS / "messages.md").write_text(before, encoding="utf-8")
    assert before == after, "python docs/error_messages.py writes the page again"


def test_the_reference_has_every_public_name():
    subprocess.run([sys.executable, DOCS / "make_api.py"], check=True, capture_output=True)
    for line in (pathlib.Path(__file__).parent / "public_names.txt").read_text(encoding="utf-8").splitlines():
        where, name = re.match(r"(sx(?:\.\w+)*)\.(\w+)", line).groups()
        page = {"sx": "stackjax", "sx.testing": "stackjax"}.get(where, where.removeprefix("sx."))
        if "(" in line and not (where == "sx.testing" and name == "random_actions"):
            assert re.search(
                rf"^::: \S+\.{name}$", (DOCS / f"api/{page}.md").read_text(encoding="utf-8"), flags=re.MULTILINE
            ), line


def test_functions_that_no_command_reaches_are_called_as_shown(capsys):
    text = (DOCS / "functions.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `sx\.([\w.]+)` \| .* \| `(.*)` \| \[.*\]\((\w+\.md).*\) \|$", text, flags=re.MULTILINE)
    assert len(rows) == text.count("\n| `") > 10
    for name, line, page in rows:
        call = ast.parse(line, mode="eval").body
        assert ast.unparse(call.func) == f"sx.{name}"
        words = {word.arg: None for word in call.keywords}
        inspect.signature(operator.attrgetter(name)(sx)).bind(*call.args, **words)
        for other in re.findall(r"\bsx\.([\w.]+)", f"{line} {text[: text.index('| function')]}"):
            assert operator.attrgetter(other)(sx)
        assert (DOCS / page).is_file()
    assert run("list") == 0
    assert "see docs/functions.md" in capsys.readouterr().out


def test_commands_on_the_pages_are_commands():
    known = set(re.findall(r"^  stackjax (\w+)", USAGE, flags=re.MULTILINE))
    for page in [*DOCS.rglob("*.md"), DOCS.parent / "README.md"]:
        for block in re.findall(r"^```\n(.*?)^```", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL):
            for command in re.findall(r"^stackjax (\w+)", block, flags=re.MULTILINE):
                assert command in known, (page, command)
