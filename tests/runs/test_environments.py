"""Environments that people have: other encodings, closed streams, a notebook's settings, names that look like markup."""

import ast
import json
import os
import pathlib
import subprocess
import sys

import pytest

import stackjax
from tests.runs.commands import PLAIN, result_of, run

ROOT = pathlib.Path(stackjax.__file__).parent.parent
JUPYTER = "module://matplotlib_inline.backend_inline"  # which this environment does not have
TEXT = json.dumps(
    {"payoffs": [[[1, 2], [0, 1]], [[0, 0], [2, 1]]], "name": "tax [low]", "action_names": [["ü", "b"], ["c", "[d]"]]}
)


def child(*arguments, streams="", **environment):
    """Exit code, standard output and standard error of ``stackjax ARGUMENTS`` in a shell that closes some ``streams``."""
    command = ["bash", "-c", f'"$@" {streams}', "bash", sys.executable, "-m", "stackjax.cli", *arguments]
    finished = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, check=False)
    return finished.returncode, finished.stdout.decode(errors="replace"), finished.stderr.decode(errors="replace")


@pytest.mark.parametrize(
    ("streams", "arguments", "expected"),
    [
        (">&-", ["--version"], (0, "", "")),
        ("2>&-", ["--version"], (0, f"{stackjax.__version__}\n", "")),
        (">&- 2>&- <&-", ["list"], (0, "", "")),
        (">&-", ["solve", "nonsense"], (2, "", "stackjax: error: ")),
        ("2>&-", ["solve", "nonsense"], (2, "", "")),
        (">&- 2>&-", ["solve", "nonsense"], (2, "", "")),
    ],
)
def test_closed_streams_lose_what_goes_there_and_nothing_else(streams, arguments, expected):
    code, output, errors = child(*arguments, streams=streams)
    assert (code, output) == expected[:2]
    assert errors.startswith(expected[2]) if expected[2] else errors == ""


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1"])
def test_what_a_terminal_cannot_show_is_replaced(encoding):
    code, output, errors = child("list", PYTHONIOENCODING=encoding)
    assert (code, errors) == (0, "")
    assert "posted-price-pi" in output


@pytest.mark.long
def test_training_goes_on_when_nobody_reads_and_nothing_is_as_usual(tmp_path):
    """A pipe that is closed at once, a locale of ASCII, a backend that is not there, a file whose name is no text."""
    game = os.fsencode(tmp_path) + b"/\xff.json"
    with open(game, "w", encoding="utf-8") as stream:
        stream.write(TEXT)
    place = tmp_path / "a [folder]"
    settings = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "MPLBACKEND": JUPYTER}
    code, output, errors = child(
        "train", game, "--out", place, *PLAIN, streams="2>&1 | head -c 1; exit ${PIPESTATUS[0]}", **settings
    )
    assert (code, errors) == (0, "")
    assert len(output) == 1
    assert result_of(place)["game"] == "tax [low]"
    assert (place / "report.html").read_text(encoding="utf-8").count("<svg") > 3
    assert child("evaluate", place, **settings)[0] == 0  # finds the game again


@pytest.mark.parametrize(
    "settings", [{"MPLBACKEND": JUPYTER}, {"MATPLOTLIBRC": "settings"}, {"MPLCONFIGDIR": "/dev/null/none"}]
)
def test_no_setting_of_matplotlib_matters(tmp_path, settings):
    (tmp_path / "settings").write_text("text.usetex: True\naxes.facecolor: red\nbackend: tkagg\n", encoding="utf-8")
    code = (
        "from stackjax import pictures; from stackjax.reports.pictures import draw;"
        "import sys; sys.stdout.write(draw(pictures.curves('t', ('x', 'y'), [{'label': 'a', 'points': [[0, 1.0], [1, 2.0]]}])))"
    )
    drawn = [
        subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, **more}, capture_output=True, check=True, cwd=tmp_path
        ).stdout
        for more in ({}, settings)
    ]
    assert drawn[0].startswith(b"<svg")
    assert drawn[0] == drawn[1]


def test_names_are_no_markup(tmp_path, capsys):
    (tmp_path / "game.json").write_text(TEXT, encoding="utf-8")
    out = tmp_path / "[/bold]new"
    assert run("train", tmp_path / "game.json", "--out", out, *PLAIN) == 0
    printed = capsys.readouterr().out
    assert "tax [low]: the best commitment of each seed" in printed
    assert "follower: [d]" in printed
    assert str(out / "report.html") in printed.replace("\n", "")


def test_a_directory_whose_name_is_no_text_is_refused(tmp_path, capsys):
    assert run("train", "maintain", "--out", os.fsdecode(os.fsencode(tmp_path) + b"/\xff"), *PLAIN) == 2
    assert "has a name that is not UTF-8; use another --out" in capsys.readouterr().err


def text_files_opened(path):
    """Calls that open a text file, and whether they name its encoding."""
    for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(call, ast.Call) or not isinstance(call.func, (ast.Name, ast.Attribute)):
            continue
        is_method = isinstance(call.func, ast.Attribute)
        name = call.func.attr if is_method else call.func.id
        if name not in ("open", "read_text", "write_text") or (name == "write_text" and not is_method):
            continue
        if is_method and isinstance(call.func.value, ast.Name) and call.func.value.id in ("os", "files", "archive", "tarfile"):
            continue
        values = [*call.args, *(word.value for word in call.keywords)]
        modes = [value.value for value in values if isinstance(value, ast.Constant) and isinstance(value.value, str)]
        if not (name == "open" and any("b" in mode and len(mode) < 4 for mode in modes)):
            yield ast.unparse(call), any(word.arg == "encoding" for word in call.keywords)


def test_every_text_file_is_opened_in_an_encoding_that_is_named():
    found = [
        (path.name, call, is_named)
        for folder in ("stackjax", "experiments", "benchmarks", "docs", "tests")
        for path in (ROOT / folder).rglob("*.py")
        for call, is_named in text_files_opened(path)
    ]
    assert len(found) > 100
    assert [(name, call) for name, call, is_named in found if not is_named] == []
