"""Games in a user's Python file: their options, what is said of every mistake in them, and that none of it lingers."""

import sys

import numpy as np
import pytest

import stackjax as sx
from stackjax import registry
from stackjax.specs import game_files
from stackjax.specs.sources import find_game
from tests.runs.commands import PLAIN, WHOLE, run

HEADER = "import stackjax as sx\n"
ESCAPE = "lambda: sx.make('escape')"
GAME = "class G(sx.OneShotGame):\n    def observation(self, actions):\n        return sx.matrix_game(3)\n"


@pytest.fixture(autouse=True)
def _what_a_test_registers_goes_with_it(monkeypatch):
    registry.registered_games()  # loads them
    monkeypatch.setattr(registry, "_ENTRIES", dict(registry._ENTRIES))
    monkeypatch.setattr(game_files, "_LOADED", {})


def one_line(capsys):
    lines = [line for line in capsys.readouterr().err.splitlines() if line.strip()]
    assert len(lines) == 1, lines
    assert lines[0].startswith("stackjax: error: ")
    return lines[0]


@pytest.mark.parametrize("future", ["", "from __future__ import annotations\n"])
@pytest.mark.parametrize("is_class", [False, True])
def test_options_are_of_the_type_that_their_annotations_name(future, is_class, tmp_path, capsys):
    """From the file to the factory, by way of the command line; the factory tells what it got."""
    options = "a: float = 1, b: float | None = None, c: Unknown = 0.5, d=2, e: bool = False, f: tuple[int, ...] = (1,)"
    tell = "raise RuntimeError(repr((a, b, c, d, e, f)))"
    head = f"class G:\n    def __init__(self, {options}):" if is_class else f"def G({options}):"
    path = tmp_path / "options_game.py"
    unknown = "" if future else "Unknown = float\n"  # unless it is looked up when the function is defined
    path.write_text(f"{future}{HEADER}{unknown}{head}\n        {tell}\nsx.register('options', G)\n", encoding="utf-8")
    for given, expected in (
        (["--game.a", "0.5", "--game.b", "0.25", "--game.c", "3", "--game.d", "4"], (0.5, 0.25, 3.0, 4, False, (1,))),
        (["--game.b", "None", "--game.e", "--game.f", "3", "4"], (1, None, 0.5, 2, True, (3, 4))),
    ):
        assert run("solve", path, *given) == 2
        assert f"RuntimeError: {expected}" in one_line(capsys)
    assert run("solve", path, "--game.d", "0.5") == 2
    assert "--game.d" in one_line(capsys)


@pytest.mark.parametrize(
    ("factory", "message"),
    [
        (lambda x=None: None, "parameter 'x' is None by default, so its annotation"),
        (lambda x=[1]: None, r"the default of 'x' must be a value that cannot change, such as a tuple, not \[1\]"),
        (sx.OneShotGame, "class OneShotGame does not define observation, outcome_payoffs"),
        (3, "must be a class or a function that returns the game, not 3"),
    ],
)
def test_what_cannot_make_a_game_is_not_registered(factory, message):
    with pytest.raises(sx.InputError, match=f"'unmade'.*{message}"):
        sx.register("unmade", factory)
    with pytest.raises(sx.InputError, match="not registered"):
        sx.make("unmade")


BROKEN = {
    "raises while loading": ("\nx = 1 / 0\n", "game file PATH failed to load: ZeroDivisionError: division by zero (line 3)"),
    "exits while loading": ("raise SystemExit(0)\n", "failed to load: SystemExit: 0 (line 2)"),
    "fails an assertion": ("assert False\n", "failed to load: AssertionError (line 2)"),
    "is no Python": ("def f(:\n", "failed to load: SyntaxError: invalid syntax (line 2)"),
    "takes a name": (f"sx.register('escape', {ESCAPE})\n", "name='escape' is already registered; choose another (line 2)"),
    "registers an abstract class": (
        GAME + "sx.register('broken', G)\n",
        "factory of 'broken': class G does not define outcome_payoffs (line 5)",
    ),
    "makes an abstract class": (GAME + "sx.register('broken', lambda: G())\n", "game 'broken' cannot be made: TypeError: "),
    "registers nothing": ("", "game file PATH registers no games; add sx.register('name', YourGame) at its end"),
    "registers two": (
        f"sx.register('one', {ESCAPE})\nsx.register('two', {ESCAPE})\n",
        "registers one, two; choose one as broken_game.py:NAME",
    ),
    "raises": (
        "def f():\n    raise ValueError('no such tax')\nsx.register('broken', f)\n",
        "game 'broken' cannot be made: ValueError: no such tax (PATH:3)",
    ),
    "makes a bad table": (
        "sx.register('broken', lambda: sx.matrix_game([[1, 2]]))\n",
        "game 'broken' cannot be made: payoffs has shape (1, 2)",
    ),
    "returns a number": ("sx.register('broken', lambda: 3)\n", "must return a Game, but returned 3 (PATH:2)"),
    "returns nothing": ("sx.register('broken', lambda: None)\n", "must return a Game, but returned None (PATH:2)"),
    "returns a class": (GAME + "sx.register('broken', lambda: G)\n", "must return a Game, but returned <class"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_wrong_with_a_game_file_is_one_line_however_often_it_is_asked(case, tmp_path, capsys):
    text, message = BROKEN[case]
    path = tmp_path / "broken_game.py"
    path.write_text(HEADER + text, encoding="utf-8")
    said = []
    for _ in range(2):
        assert run("train", path, "--out", tmp_path / "OUT") == 2
        said.append(one_line(capsys))
    assert message.replace("PATH", str(path)) in said[0]
    assert str(path) in said[0]
    assert said[1] == said[0]
    assert not (tmp_path / "OUT").exists()
    path.write_text(f"{HEADER}sx.register('broken', {ESCAPE})\n", encoding="utf-8")  # mended, and its names are free
    assert run("solve", path) == 0


def test_a_file_that_failed_leaves_nothing_behind(tmp_path):
    before, modules = sx.registered_games(), set(sys.modules)
    path = tmp_path / "half_game.py"
    path.write_text(f"{HEADER}sx.register('half', {ESCAPE})\n1 / 0\n", encoding="utf-8")
    with pytest.raises(sx.InputError, match=r"ZeroDivisionError.*line 3"):
        find_game(str(path))
    assert sx.registered_games() == before
    assert set(sys.modules) == modules


def test_an_edited_file_is_loaded_again(tmp_path):
    """However quickly, and though it is as long as before."""
    path = tmp_path / "edited_game.py"
    for name, game in (("first", "escape"), ("other", "maintain"), ("other", "escape  ")):
        path.write_text(f"{HEADER}sx.register('{name}', lambda: sx.make('{game.strip()}'))\n", encoding="utf-8")
        source = find_game(str(path))
        assert (source.name, source.build({}).name) == (name, game.strip())
        assert find_game(str(path)) == source  # unchanged, it is not run again
    with pytest.raises(sx.InputError, match="'first' is not registered"):
        sx.make("first")


@pytest.mark.parametrize("folder", ["a:b", "a.py:b"])
def test_a_folder_may_have_a_colon_in_its_name(folder, tmp_path):
    place = tmp_path / folder
    place.mkdir()
    (place / "colon_game.py").write_text(f"{HEADER}sx.register('colon', {ESCAPE})\n", encoding="utf-8")
    for text in (f"{place}/colon_game.py", f"{place}/colon_game.py:colon"):
        found = find_game(text)
        assert (found.name, found.path) == ("colon", place / "colon_game.py")
    (place / "payoffs.json").write_text('{"payoffs": [[[1, 0], [3, 1]]]}', encoding="utf-8")
    assert find_game(f"{place}/payoffs.json").build({}).name == "payoffs"


HELPED = "from payoffs import TABLE\nsx.register('NAME', lambda: sx.matrix_game(TABLE, name='NAME'))\n"


def write_helped(folder, best):
    folder.mkdir(exist_ok=True)
    (folder / "payoffs.py").write_text(f"TABLE = [[[{best}, 1.0], [0.0, 0.0]], [[1.0, 0.0], [2.0, 1.0]]]\n", encoding="utf-8")
    path = folder / "helped_game.py"
    path.write_text(HEADER + HELPED.replace("NAME", f"helped-{folder.name}"), encoding="utf-8")
    return path


def test_modules_beside_a_game_file_are_found_and_are_its_own(tmp_path, capsys, monkeypatch):
    """Two files may have helpers of one name, which is also that of a module of somebody else's; none is left behind."""
    stranger = sys.modules["payoffs"] = type(sys)("payoffs")
    monkeypatch.setitem(sys.modules, "payoffs", stranger)
    path_before = list(sys.path)
    for folder, best in (("a", 3.0), ("b", 4.0), ("a", 5.0)):  # the last is an edit, found in the same process
        assert run("solve", write_helped(tmp_path / folder, best)) == 0
        assert f"helped-{folder}: {best:g} (enumeration)" in capsys.readouterr().out
    assert sys.modules["payoffs"] is stranger
    assert sys.path == path_before


def test_a_helper_is_also_found_while_the_game_is_made(tmp_path, capsys):
    path = tmp_path / "late_game.py"
    (tmp_path / "late_payoffs.py").write_text("TABLE = [[[7.0, 1.0]]]\n", encoding="utf-8")
    made = "def make():\n    import late_payoffs\n    return sx.matrix_game(late_payoffs.TABLE)\n"
    path.write_text(f"{HEADER}{made}sx.register('late', make)\n", encoding="utf-8")
    assert run("solve", path) == 0
    assert "7 (enumeration)" in capsys.readouterr().out


def test_a_table_that_is_not_found_beside_the_file_is_told_how(tmp_path, capsys):
    path = tmp_path / "table_game.py"
    path.write_text(f"{HEADER}open('table.csv', encoding='utf-8')\n", encoding="utf-8")
    assert run("solve", path) == 2
    assert "for a file beside the game's, write pathlib.Path(__file__).with_name('table.csv') (line 2)" in one_line(capsys)


@pytest.mark.long
def test_a_run_keeps_its_game_and_no_other_is_taken_for_it(tmp_path, capsys):
    """The file is as it was, the helper is not: the run's game.npz tells."""
    path, out = write_helped(tmp_path / "g", 3.0), tmp_path / "out"
    assert run("train", path, "--out", out, *PLAIN, *WHOLE) == 0
    with np.load(out / "game.npz") as kept:
        np.testing.assert_array_equal(kept["payoffs"], sx.make("helped-g").payoff_table)
    assert run("evaluate", out, "--game", path) == 0
    assert run("evaluate", out, "--game", path, "--judge-seed", "1") == 0
    write_helped(tmp_path / "g", 3000.0)
    capsys.readouterr()
    for command in (
        ("evaluate", out, "--game", path),
        ("evaluate", out, "--game", path, "--judge-seed", "1"),
        ("train", path, "--out", out, *PLAIN, *WHOLE, "--resume"),
    ):
        assert run(*command) == 2
        assert "is another game than the run in" in one_line(capsys)
    write_helped(tmp_path / "g", 3.0)
    assert run("evaluate", out, "--game", path) == 0
