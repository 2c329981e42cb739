"""Pictures and pages: every kind is drawn, hostile names stay text, and a browser shows a page without scrolling sideways."""

import json
import math
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET

import jax.numpy as jnp
import numpy as np
import pytest

import stackjax as sx
from stackjax import pictures
from stackjax.bayesian.pomdp.tree import commitment_paths, decision_tree
from stackjax.bayesian.words import chances_of_paths, moved_strategies
from stackjax.reports.curves import learning_curves
from stackjax.reports.pictures import _tree_places, draw, figure_of
from stackjax.reports.style import styled
from stackjax.reports.sweep_report import _ends_of_colours, _tied
from tests.runs.commands import PLAIN, result_of, run

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
NASTY = 'a <b> & "c" $x$'
OF_EACH_KIND = {
    "cells": pictures.cells("t", [NASTY, "b"], ["x", "y"], [[0.0, 1.0], [0.5, 0.2]], [["1, 2", NASTY], ["", "3"]]),
    "strategies": pictures.cells("t", ["a"], ["0", "10"], [[0.2, 0.8]], axes=("round", "")),
    "paths": pictures.paths(
        "t", [{"label": NASTY, "chance": 0.0, "steps": [{"text": NASTY, "size": 0.4, "marks": [0.5]}]}], 1.0, "price"
    ),
    "words": pictures.paths("t", [{"label": "", "chance": None, "steps": [{"text": "row A", "size": None}]}]),
    "curves": pictures.curves(
        "t", ("x", "y"), [{"label": NASTY, "points": [[0, 1.0], [1, 2.0]]}, {"label": "b", "points": [[0, 0.5]]}]
    ),
    "regions": pictures.regions("t", ("x", "y"), [{"corners": [[0, 0], [1, 0], [0, 1]], "label": NASTY}]),
    "graph": pictures.graph(
        "t",
        [{"label": NASTY, "note": "n", "chance": 0.6}, {"label": "b", "note": "m", "chance": 0.4}],
        [{"source": 0, "target": 1, "chance": 0.5}, {"source": 1, "target": 1, "chance": 1.0}],
    ),
    "tree": pictures.graph(
        "t",
        [{"label": label, "note": "", "chance": 0.5} for label in (NASTY, "b", "c", "d", "e")],
        [{"source": s, "target": t, "chance": 0.5, "words": NASTY} for s, t in ((0, 1), (1, 2), (1, 3), (0, 4))],
    ),
}


@pytest.mark.parametrize("kind", OF_EACH_KIND)
def test_every_kind_is_drawn_as_svg_that_takes_the_colour_of_the_page(kind):
    picture = json.loads(json.dumps(OF_EACH_KIND[kind]))
    drawn = draw(picture)
    root = ET.fromstring(drawn)
    assert root.attrib["aria-label"] == "t"
    assert "currentColor" in drawn
    assert "#123456" not in drawn
    assert "<b>" not in drawn
    if NASTY in json.dumps(picture, ensure_ascii=False).replace('\\"', '"'):
        assert NASTY in "".join(root.itertext())  # as it is, and no formula
    names = re.findall(r' id="([^"]+)"', drawn)
    assert len(names) == len(set(names))
    assert all(name in names for name in re.findall(r'(?:href="|url\()#([^")]+)', drawn))


@pytest.mark.filterwarnings("error")  # of matplotlib, that there is no room
@pytest.mark.parametrize("kind", [*OF_EACH_KIND, "long words", "large numbers", "a level", "a heading"])
def test_everything_lies_within_the_picture(kind):
    points = [(k, (-1) ** k * 98765.4321 * k) for k in range(9)]
    more = {
        "long words": pictures.cells(
            "t", ["follower 2, value 0.25: wants an item and says so"] * 3, ["0", "9"], [[0.2, 0.8]] * 3
        ),
        "large numbers": pictures.curves("t", ("x", "y"), [{"label": "a", "points": points}]),
        "a level": {**pictures.curves("t", ("x", ""), [{"label": "a", "points": points[:2]}]), "level": ("optimum", 0.0)},
    }
    more["a heading"] = {**more["a level"], "heading": "the game: leader payoff", "legend": True, "log": "x"}
    with styled():
        figure = figure_of({**OF_EACH_KIND, **more}[kind])
        box, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    assert box.x0 >= 0.0
    assert box.y0 >= 0.0
    assert box.x1 <= width
    assert box.y1 <= height


@pytest.mark.filterwarnings("error")
def test_a_tree_stands_from_the_top_down():
    """Ends side by side, parents in the middle above their children; what has a circle, or two roots, is no tree."""
    assert _tree_places(OF_EACH_KIND["tree"]) == [(1.25, 0.0), (0.5, -1.0), (0.0, -2.0), (1.0, -2.0), (2.0, -1.0)]
    assert _tree_places(OF_EACH_KIND["graph"]) is None
    nodes, edge = OF_EACH_KIND["tree"]["nodes"], lambda source, target: {"source": source, "target": target, "chance": 1.0}
    assert _tree_places(pictures.graph("t", nodes[:3], [edge(0, 1), edge(2, 1)])) is None
    assert _tree_places(pictures.graph("t", nodes[:3], [edge(0, 1), edge(1, 1)])) is None


def test_long_words_are_wrapped():
    words = ", ".join(f"message {k}" for k in range(16))
    path = {"label": words, "chance": 0.5, "steps": [{"text": words, "size": 0.5, "marks": [0.2]}]}
    for picture in (pictures.paths("t", [path], 1.0, "price"), pictures.cells("t", [words], ["0", "9"], [[0.2, 0.8]])):
        shown = " ".join("".join(text.itertext()) for text in ET.fromstring(draw(picture)).iter("text"))
        assert all(f"message {k}" in shown for k in range(16))


def test_a_picture_keeps_the_likeliest_paths():
    found = [{"label": str(k), "chance": k / 100, "steps": []} for k in range(60)]
    kept = pictures.paths("t", found)
    assert [path["label"] for path in kept["paths"][:2]] == ["59", "58"]
    assert kept["title"] == f"t (the {len(kept['paths'])} likeliest of 60)"
    kept = pictures.cells("t", [str(k) for k in range(60)], ["0"], [[0.0]] * 60)
    assert len(kept["rows"]) == 40
    assert kept["title"] == "t (the first 40 of 60 rows)"


@pytest.mark.filterwarnings("error")
def test_a_large_matrix_game_shows_what_is_played():
    table = np.random.default_rng(0).random((100, 12, 2))
    game, mix, play = sx.matrix_game(table, randomized=True), np.zeros((1, 100)), np.zeros((1, 12))
    mix[0, [3, 90]], play[0, [2, 5, 7]] = (0.25, 0.75), (0.2, 0.3, 0.5)
    picture = game.picture(mix, [], [], [play])
    assert picture["rows"] == ["row D (0.25)", "row 90 (0.75)"]
    assert picture["columns"] == ["column C", "column F", "column H"]
    assert picture["texts"][1][2] == ", ".join(f"{value:.4g}" for value in game.payoff_table[90, 7])
    np.testing.assert_allclose(picture["shades"], np.outer([0.25, 0.75], [0.2, 0.3, 0.5]), atol=1e-3)
    draw(picture)
    assert game.explain(None, mix, []) == ["rows mixed D 0.250, 90 0.750, the others 0"]


def test_the_numbers_of_a_box_are_bars_from_their_lowest_to_their_highest():
    class Boxed(sx.OneShotGame):
        name, type_prior, num_actions, leader_payoff_range = "boxed", np.ones(1), (2,), (0.0, 1.0)
        leader_actions = sx.Box((0.0, -1.0), (2.0, 1.0))

        def observation(self, actions):
            return jnp.eye(2)[actions[0]]

        def outcome_payoffs(self, types, actions, leader_action):
            return jnp.zeros(2)

    game = Boxed()
    found = commitment_paths(game, decision_tree(game))
    picture = game.picture(np.array([[0.5, 1.0], [2.0, -0.5]]), found, [0.25, 0.75], [])
    sizes = {path["chance"]: [(step["text"], step["size"]) for step in path["steps"]] for path in picture["paths"]}
    assert sizes == {0.25: [("0.5", 0.25), ("1", 1.0)], 0.75: [("2", 1.0), ("-0.5", 0.25)]}
    assert picture["most"] == 1.0
    assert picture["unit"] == "share of its range"
    draw(picture)


def test_ticks_are_round_numbers_and_marks_lie_below_the_words():
    path = {"label": "a", "chance": 0.5, "steps": [{"text": "agent 1 at 1.25", "size": 1.25, "marks": [0.5]}]}
    axes = figure_of(pictures.paths("t", [path], 2.5, "price")).axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0", "0.5", "1", "1.5", "2", "2.5"]
    (mark,), (words,) = axes.lines, [text for text in axes.texts if "1.25" in text.get_text()]
    axes.figure.canvas.draw()
    extent = words.get_window_extent().transformed(axes.transData.inverted())
    assert min(mark.get_ydata()) >= max(extent.y0, extent.y1) - 0.02  # downwards


@pytest.mark.parametrize("name", ["posted-price-pi", "allocation", "bertrand-platform"])
def test_chances_of_paths_are_those_of_drawn_play(name):
    game = sx.make(name)
    env = sx.StackelbergPOMDP(game, sx.followers.multiplicative_weights(), num_rounds=2)
    rng = np.random.default_rng(0)
    strategies = [rng.dirichlet(np.ones(a), k) for k, a in zip(game.num_types, game.num_actions, strict=True)]
    found = commitment_paths(game, env.tree)
    chances = chances_of_paths(game, env.tree, found, strategies)
    assert sum(chances) / (len(found) / len(env.tree.profiles)) == pytest.approx(1.0)
    counts, draws = {}, 20_000
    flat = rng.choice(game.type_prior.size, draws, p=game.type_prior.ravel())
    for types in zip(*np.unravel_index(flat, game.type_prior.shape), strict=True):
        play = tuple(int(rng.choice(len(s[t]), p=s[t])) for s, t in zip(strategies, types, strict=True))
        group = int(env.tree.groups[(-1, *play)])
        counts[group] = counts.get(group, 0) + 1
    for place, profile in enumerate(env.tree.profiles):
        group = int(env.tree.groups[(-1, *profile)])
        expected = counts.get(group, 0) / draws
        found_here = chances[place * (len(found) // len(env.tree.profiles))]
        assert abs(found_here - expected) <= 5 * math.sqrt(max(expected, 1e-3) / draws)


def test_strategies_move_from_uniform_to_what_pays():
    env = sx.StackelbergPOMDP(sx.make("maintain"), sx.followers.multiplicative_weights(), num_rounds=100)
    rounds, (table,) = moved_strategies(env, jnp.zeros((2, 1), jnp.int32))  # row A, twice
    assert rounds[0] == 0
    np.testing.assert_allclose(table[0, 0, 0], 1 / 3, atol=1e-6)
    assert (np.diff(table[0, :, 0, 0]) >= -1e-6).all()
    assert table[0, -1, 0, 0] > 0.95
    np.testing.assert_array_equal(table[0], table[1])  # whatever else is in the batch
    with_memory = env.with_dynamics(sx.followers.q_learning(memory=True))
    assert moved_strategies(with_memory, jnp.zeros((1, 1), jnp.int32)) is None


def test_payoffs_of_draws_have_their_intervals_in_curves():
    rows = [{"update": k, "seed": 0, "stackelberg_episodes": 10.0 * k, "gap": 0.1, "mean_return": 0.0} for k in range(3)]
    result = {"gap_name": "gap", "columns": {"gap": "Gap"}, "seeds": [{"seed": 0, "optimum": None}]}
    exact = learning_curves([{**row, "greedy_payoff": 1.0} for row in rows], result)
    drawn = learning_curves([{**row, "greedy_payoff": 1.0, "greedy_half_width": 0.5} for row in rows], result)
    assert list(drawn) == list(exact) == ["payoff", "gap", "return"]  # a half width has no panel of its own
    assert ["LineCollection" in draw(picture) for picture in exact.values()] == [False] * 3
    assert ["LineCollection" in draw(picture) for picture in drawn.values()] == [True, False, False]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    place = tmp_path_factory.mktemp("reports")
    assert run("train", "escape", *PLAIN, "--out", place / "escape") == 0
    assert run("train", "posted-price-pi", *PLAIN, "--seeds", "3", "--out", place / "posted") == 0
    return place


def test_a_report_has_its_pictures_and_words(runs):
    page = (runs / "posted/report.html").read_text(encoding="utf-8")
    assert page.count("<svg") == 2 + 4  # the mechanism, followers' strategies; four curves
    assert [picture["kind"] for picture in result_of(runs / "posted")["seeds"][0]["pictures"]] == ["paths", "cells"]
    for words in ("What each step reached", "empirical", "stackjax train posted-price-pi", "B-CCE gap", "prefers-color-scheme"):
        assert words in page
    assert "http" not in page  # nothing from a network


def test_runs_are_compared(runs, tmp_path, capsys):
    out = tmp_path / "both.html"
    assert run("report", runs / "escape", runs / "posted", "--out", out) == 0
    assert str(out) in capsys.readouterr().out
    page = out.read_text(encoding="utf-8")
    assert page.count("<svg") == 4  # of two games, payoff and gap
    assert str(runs / "escape") in page
    assert run("report", runs / "escape", runs / "posted", "--out", tmp_path / "both.pdf") == 2
    assert "must end in .html" in capsys.readouterr().err
    assert run("report") == 2
    assert run("report", runs / "escape", tmp_path) == 2


@pytest.mark.skipif(BROWSER is None, reason="needs Chromium")
@pytest.mark.parametrize("name", ["escape", "posted"])
def test_a_browser_shows_the_page_without_complaint(runs, name, tmp_path):
    """In frames 1280 and 400 pixels wide, light and dark: nothing is wider than the frame, every picture has a size."""
    page = (runs / name / "report.html").read_text(encoding="utf-8")
    frames = "".join(f'<iframe width="{width}" height="900"></iframe>' for width in (1280, 400))
    script = """<script>
const page = PAGE;
let left = document.querySelectorAll("iframe").length;
for (const frame of document.querySelectorAll("iframe")) {
  frame.onload = () => {
    const inside = frame.contentDocument, root = inside.documentElement;
    const sizes = [...inside.querySelectorAll("svg")].map(svg => Math.round(svg.getBoundingClientRect().width));
    const ink = inside.defaultView.getComputedStyle(inside.body).color;
    const seen = `<p class="seen">${frame.width} ${root.scrollWidth} ${Math.min(...sizes)} ${ink}</p>`;
    document.body.insertAdjacentHTML("beforeend", seen);
  };
  frame.srcdoc = page;
}
</script>""".replace("PAGE", json.dumps(page).replace("</", "<\\/"))
    wrapper = tmp_path / "wrapper.html"
    wrapper.write_text(f"<!doctype html><html><body>{frames}{script}</body></html>", encoding="utf-8")
    inks = []
    for dark in (False, True):
        flags = ["--blink-settings=preferredColorScheme=0"] if dark else ["--blink-settings=preferredColorScheme=1"]
        command = [
            BROWSER,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--enable-logging=stderr",
            "--virtual-time-budget=5000",
        ]
        seen = subprocess.run(
            [*command, *flags, f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", wrapper.as_uri()],
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert "CONSOLE" not in seen.stderr, seen.stderr
        found = re.findall(r'<p class="seen">(\d+) (\d+) (\d+) ([^<]+)</p>', seen.stdout)
        assert len(found) == 2, seen.stdout[-500:]
        for width, scrolled, smallest, _ in found:
            assert int(scrolled) <= int(width)
            assert int(smallest) >= 200
        inks.append(found[0][3])
    assert inks[0] != inks[1]  # the dark page is another one


@pytest.mark.long
def test_a_sweeps_page_says_how_many_do_as_well(tmp_path):
    small = [*PLAIN, "--sweep.followers.step-size", "0.1", "0.2", "--sweep.pomdp.reward-play", "argmax", "mixed"]
    assert run("sweep", "escape", *small, "--out", tmp_path / "s") == 0
    page = (tmp_path / "s/report.html").read_text(encoding="utf-8")
    assert page.count("<svg") == 1
    result = json.loads((tmp_path / "s/result.json").read_text(encoding="utf-8"))
    assert _tied(result) in page


def test_ties_are_counted_in_words():
    said = lambda count: _tied({"num_within_interval_of_best": count, "configurations": [{}] * 4})
    assert said(1) == "No other is as good."
    assert said(3) == "3 of 4 do as well as far as one can tell."
    assert said(4) == "All 4 do as well as far as one can tell: there is no winner."


def test_colours_span_more_than_rounding():
    assert _ends_of_colours(np.array([30.0, 30.0 + 1e-7])) == (29.0, 31.0 + 1e-7)
    assert _ends_of_colours(np.array([1.0, 2.0])) == (1.0, 2.0)
