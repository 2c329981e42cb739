"""What goes into a paper, and what comes back out of a run's folder."""

import csv
import json
import re

import numpy as np
import pytest

import stackjax as sx
from stackjax.disk.directory import SweepDirectory
from stackjax.reports.export import export_run
from tests.runs.commands import run


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run of two seeds and its folder."""
    place = tmp_path_factory.mktemp("paper") / "run"
    search, pomdp = sx.SearchConfig(num_updates=4, population=8), sx.POMDPConfig(num_rounds=20, evaluation_rounds=40)
    found = sx.train("posted-price-pi", seeds=2, search=search, pomdp=pomdp, polish=0, progress=False, out=place)
    return found, place


def test_a_table_as_csv_holds_every_number(trained, tmp_path, capsys):
    found, place = trained
    assert run("export", place, tmp_path / "table.csv") == 0
    assert capsys.readouterr().out == f"{tmp_path / 'table.csv'} (the table of all seeds)\n"
    with (tmp_path / "table.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [float(row["leader_payoff"]) for row in rows] == [one.certificate.leader_payoff for one in found.seeds]
    paid = [[float(row[f"follower_payoff_{i}"]) for i in (1, 2)] for row in rows]
    np.testing.assert_array_equal(paid, [one.certificate.follower_payoffs for one in found.seeds])


def test_a_table_as_latex_is_the_reports(trained, tmp_path):
    found, place = trained
    assert run("export", place, tmp_path / "table.tex") == 0
    text = (tmp_path / "table.tex").read_text(encoding="utf-8")
    assert text.startswith("\\begin{tabular}{r")
    assert text.count(r"\\") == 3
    widths = {line.count(" & ") for line in text.splitlines() if "&" in line}
    assert len(widths) == 1
    assert not re.search(r"(?<!\\)[%#_]", text)
    del found


@pytest.mark.parametrize(("name", "figure"), [("a.svg", None), ("b.svg", "picture"), ("c.pdf", "gap")])
def test_figures_are_drawn_in_black(trained, tmp_path, name, figure):
    _, place = trained
    assert run("export", place, tmp_path / name, *([] if figure is None else ["--figure", figure])) == 0
    content = (tmp_path / name).read_bytes()
    assert content.startswith(b"%PDF" if name.endswith("pdf") else b"<?xml")
    assert b"123456" not in content
    again = tmp_path / f"again-{name}"
    assert run("export", place, again, *([] if figure is None else ["--figure", figure])) == 0
    assert again.read_bytes() == content


def test_a_figure_that_is_not_there_is_told(trained, tmp_path, capsys):
    _, place = trained
    assert run("export", place, tmp_path / "a.svg", "--figure", "payof") == 2
    said = capsys.readouterr().err
    assert "--figure 'payof' must be one of payoff, gap, return, " in said
    assert "Did you mean 'payoff'?" in said
    assert run("export", place, tmp_path / "a.csv", "--figure", "payoff") == 2
    assert "is for files that end in .svg or .pdf" in capsys.readouterr().err


def test_a_run_is_loaded_as_it_was_trained(trained, tmp_path):
    found, place = trained
    again = sx.load_run(place)
    assert str(again) == str(found) == repr(found)
    for old, new in zip(found.seeds, again.seeds, strict=True):
        np.testing.assert_array_equal(old.commitment, new.commitment)
        assert old.certificate.leader_payoff == new.certificate.leader_payoff
    with pytest.raises(sx.InputError, match="holds no run"):
        sx.load_run(tmp_path)
    with pytest.raises(sx.InputError, match="directory=3 must be the path of a run"):
        sx.load_run(3)
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "config.json").write_bytes((place / "config.json").read_bytes())
    result = json.loads((place / "result.json").read_text(encoding="utf-8"))
    for change in ({"family": "none"}, {"seeds": [{}]}):
        (broken / "result.json").write_text(json.dumps({**result, **change}), encoding="utf-8")
        with pytest.raises(sx.InputError, match="is damaged"):
            sx.load_run(broken)


def test_a_sweep_is_no_run(tmp_path):
    sweep = SweepDirectory(tmp_path / "sweep")
    sweep.prepare({"schema_version": 1, "sweep": {}, "order": [], "first": {}}, overwrite=False)
    sweep.release()
    seed = {"seed": 0, "settled": True, "leader_payoff": 1.0, "gap": 0.0}
    sweep.write_result({"gap_name": "gap", "best": {"seeds": [seed]}})
    with pytest.raises(sx.InputError, match="a sweep's figures are on its page; export one of its runs as"):
        export_run(sweep, tmp_path / "a.svg")
    with pytest.raises(sx.InputError, match=r"holds a sweep; its table is .*table\.csv"):
        sx.load_run(sweep.path)


def test_a_data_frame_has_a_row_for_each_seed(trained):
    pandas = pytest.importorskip("pandas")
    frame = trained[0].to_pandas()
    assert isinstance(frame, pandas.DataFrame)
    assert list(frame["seed"]) == [0, 1]


def test_citing_needs_no_jax(capsys):
    assert run("cite") == 0
    assert f"version = {{{sx.__version__}}}" in capsys.readouterr().out
    assert run("cite", "--bibtex") == 2
    assert "cite takes nothing, not --bibtex" in capsys.readouterr().err
