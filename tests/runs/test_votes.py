"""Followers vote over what runs have left: numbers of real runs and of the commons; runs that will not do are told so."""

import json
import re
import shutil

import numpy as np
import pytest

import stackjax as sx
from tests.runs.commands import PLAIN, made_once, run

NAMES = ["utilitarian", "nash", "rawls", "product"]
COMMONS = {  # payoffs of the three followers under the best commitment for each objective
    "utilitarian": [5.766667, 4.091667, 4.031667],
    "nash": [5.2785, 4.264, 4.3235],
    "rawls": [4.535, 4.57, 4.335],
    "product": [4.535, 4.57, 4.335],
}


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """Two configurations of a game with two followers, two seeds each, by random search."""
    axis = ["--sweep.game.epsilon", 0.1, 0.3]
    options = ["--game.num-messages", 1, *axis]
    return made_once(tmp_path_factory, "voted", lambda out: run("sweep", "posted-price-pi", *PLAIN, *options, "--out", out))


def edited(path, change):
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(json.dumps(content), encoding="utf-8")


@pytest.fixture
def directory(swept, tmp_path):
    shutil.copytree(swept, tmp_path / "sweep")
    return tmp_path / "sweep"


def entries_of(directory):
    chunks = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(directory.glob("chunks/*/result.json"))]
    return [entry for chunk in chunks for entry in chunk["elements"]]


def change_entries(directory, change):
    for path in directory.glob("chunks/*/result.json"):
        edited(path, lambda content: [change(entry) for entry in content["elements"]])


def as_commons(directory):
    """The sweep as if it were one of the commons over four objectives; of each configuration seed 1 is the better."""

    def four(result):
        row = result["configurations"][0]
        result["configurations"] = [{**row, "settings": {"game.objective": name}} for name in NAMES]

    chunk, *others = sorted(directory.glob("chunks/*/result.json"))
    for other in others:
        shutil.rmtree(other.parent)

    def elements(content):
        one = content["elements"][0]
        content["elements"] = [
            {
                **one,
                "configuration": place,
                "seed": seed,
                "settled": True,
                "leader_payoff": -0.5 + 0.1 * seed,
                "follower_payoffs": COMMONS[name] if seed else [0.0, 0.0, 9.0],
            }
            for place, name in enumerate(NAMES)
            for seed in range(2)
        ]

    edited(directory / "result.json", four)
    edited(chunk, elements)


def test_followers_vote_over_what_each_configuration_settled_on(swept, capsys):
    before = {path: path.read_bytes() for path in swept.rglob("*") if path.is_file()}
    assert run("vote", swept, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert [option["name"] for option in told["options"]] == ["0.1", "0.3"]
    entries = {(entry["configuration"], entry["seed"]): entry for entry in entries_of(swept)}
    for place, option in enumerate(told["options"]):
        seeds = [entries[place, seed] for seed in range(2)]
        best = max(seeds, key=lambda entry: (entry["settled"], entry["leader_payoff"]))
        assert option["seed"] == best["seed"]
        np.testing.assert_allclose(np.array(told["utilities"])[:, place], best["follower_payoffs"], rtol=0, atol=1e-6)
    found = sx.vote(told["utilities"], "borda", ["0.1", "0.3"])
    assert told["winner"] == found.names[found.winner]
    assert told["winners"] == {rule: found.names[place] for rule, place in found.winners.items()}
    assert (told["price"], told["manipulability"]) == (found.price, found.manipulability)
    assert {path: path.read_bytes() for path in swept.rglob("*") if path.is_file()} == before


def test_the_commons_as_a_page_of_words(directory, capsys):
    as_commons(directory)
    assert run("vote", directory) == 0
    told = capsys.readouterr().out
    assert "voter 1: utilitarian > nash > rawls = product\n" in told
    assert told.count(": rawls = product > nash > utilitarian\n") == 2
    assert re.search(r"rawls +2 +2 +0 +3\n", told)
    for rule in ("plurality", "borda", "copeland", "runoff"):
        assert re.search(rf"{rule} +rawls", told)
    assert "Winner by borda: rawls.\nCondorcet winner: rawls.\n" in told
    assert "Price of the vote: 0.15, the mean payoff under utilitarian, 4.63, less that under rawls, 4.48.\n" in told
    assert "Manipulability: 0; no voter gains by another ballot.\n" in told
    assert told.endswith(
        "Voters are sincere, and know what every option pays them. Of options that tie the first listed comes first.\n"
    )
    assert run("vote", directory, "--rule", "approval") == 0
    assert "Manipulability: 0.0115; that is the most that one voter gains" in capsys.readouterr().out


def test_payoffs_that_differ_by_rounding_are_the_same(directory, capsys):
    as_commons(directory)

    def a_little_more(entry):
        if entry["configuration"] == 3 and entry["seed"] == 1:
            entry["follower_payoffs"] = [value * (1 + 1e-8) for value in entry["follower_payoffs"]]

    change_entries(directory, a_little_more)
    assert run("vote", directory, "--json") == 0
    assert json.loads(capsys.readouterr().out)["ballots"][1] == ["rawls", "product", "nash", "utilitarian"]


def test_several_runs_are_called_by_their_directories(searched, tmp_path, capsys):
    for name in ("one/run", "two/run", "three"):
        shutil.copytree(searched, tmp_path / name)
    edited(tmp_path / "three/result.json", lambda result: result.update(game="another"))
    assert run("vote", tmp_path / "one/run", tmp_path / "three", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert [option["name"] for option in told["options"]] == ["run", "three"]
    best = max(sx.load_run(searched).result["seeds"], key=lambda seed: seed["leader_payoff"])
    np.testing.assert_allclose(told["utilities"], [best["follower_payoffs"] * 2], atol=1e-4)
    assert "The options are of several games (maintain, another): voter i is follower i of each." in told["remarks"]
    assert run("vote", tmp_path / "one/run", tmp_path / "two/run", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert [option["name"] for option in told["options"]] == [str(tmp_path / "one/run"), str(tmp_path / "two/run")]


def test_what_one_should_know_of_the_payoffs_is_said(directory, capsys):
    change_entries(directory, lambda entry: entry.update(settled=entry["configuration"] == 0, half_width=0.01))
    assert run("vote", directory) == 0
    told = capsys.readouterr().out
    assert "Followers have not settled under 0.3: what they are paid there may not last." in told
    assert "Payoffs are means over draws under 0.1, 0.3: a close vote may go another way." in told


def test_many_options_are_told_without_their_pairs(directory, capsys):
    def many(result):
        result["configurations"] = [
            {**result["configurations"][0], "settings": {"game.a": place, "game.b": True}} for place in range(13)
        ]

    chunk, *others = sorted(directory.glob("chunks/*/result.json"))
    for other in others:
        shutil.rmtree(other.parent)
    edited(directory / "result.json", many)

    def copies(content):
        one = content["elements"][0]
        content["elements"] = [{**one, "configuration": place, "seed": seed} for place in range(13) for seed in range(2)]

    edited(chunk, copies)
    assert run("vote", directory) == 0
    told = capsys.readouterr().out
    assert "prefer the row" not in told
    assert "Winner by borda: a 0, b True." in told
    assert "Manipulability: not known; 13 options make too many ballots to try." in told


def gone(path):
    path.unlink()


BROKEN = [  # what is done to a sweep, and what is said of it
    (lambda sweep: gone(sweep / "result.json"), "holds no finished run"),
    (lambda sweep: gone(sweep / "config.json"), "holds no run (no config.json)"),
    (lambda sweep: (sweep / "result.json").write_text("{", encoding="utf-8"), "is damaged (no JSON)"),
    (lambda sweep: edited(sweep / "result.json", lambda result: result.pop("configurations")), "KeyError: 'configurations'"),
    (lambda sweep: shutil.rmtree(next(sweep.glob("chunks/*"))), "lacks seeds of configuration"),
    (lambda sweep: next(sweep.glob("chunks/*/result.json")).write_text("[", encoding="utf-8"), "cannot be read"),
    (
        lambda sweep: change_entries(sweep, lambda entry: entry.pop("follower_payoffs")),
        "has no follower_payoffs: its game has no followers who could vote",
    ),
    (lambda sweep: change_entries(sweep, lambda entry: entry.update(follower_payoffs=["a"])), "follower_payoffs=['a']"),
    (
        lambda sweep: change_entries(sweep, lambda entry: entry.update(diverged_at=7)),
        "diverged at update 7, so that nothing was settled on",
    ),
    (
        lambda sweep: change_entries(sweep, lambda entry: entry["follower_payoffs"].extend([0.0] * entry["configuration"])),
        "has 3 followers, and",
    ),
]


@pytest.mark.parametrize(("harm", "words"), BROKEN)
def test_sweeps_that_will_not_do_are_one_line(harm, words, directory, capsys):
    harm(directory)
    assert run("vote", directory) == 2
    told = capsys.readouterr()
    assert not told.out
    assert words in told.err
    assert told.err.count("\n") == 1


def test_no_choice_and_no_such_rule(searched, swept, tmp_path, capsys):
    for arguments, words in [
        ([], "nothing is no choice"),
        ([searched], "searched is no choice"),
        ([searched, searched], "searched is given more than once"),
        ([searched, swept], "must be for the same voters"),
        ([swept, "--rule", "bordo"], "--rule bordo must be one of plurality"),
        ([swept, "--rules", "borda"], "option --rules is not known. Did you mean '--rule'?"),
        ([tmp_path], "holds no run (no config.json)"),
    ]:
        assert run("vote", *arguments) == 2
        assert words in capsys.readouterr().err


@pytest.mark.long
def test_three_who_pick_from_one_stock_vote_over_taxes(tmp_path, capsys):
    """Mean and least of what voters are paid are what the leader was paid for them."""
    small = ["--game.levels", 3, "--followers.kind", "pure", "--search.num-updates", 4, "--search.population", 64, "--seeds", 1]
    axis = ["--sweep.game.objective", "utilitarian", "rawls"]
    assert run("sweep", "commons", *small, *axis, "--polish", 0, "--out", tmp_path / "taxes") == 0
    capsys.readouterr()
    assert run("vote", tmp_path / "taxes", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    paid, earned = np.array(told["utilities"]), [entry["leader_payoff"] for entry in entries_of(tmp_path / "taxes")]
    assert paid.shape == (3, 2)
    np.testing.assert_allclose([paid[:, 0].mean(), paid[:, 1].min()], earned, rtol=0, atol=1e-5)
