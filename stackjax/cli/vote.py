"""``stackjax vote``: followers choose between the commitments that runs, or a sweep's configurations, have found."""

import dataclasses
import itertools
import json
import math
import pathlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from stackjax.cli.arguments import parse
from stackjax.errors import InputError

if TYPE_CHECKING:
    from stackjax.disk.directory import SweepDirectory
    from stackjax.voting import Vote

__all__ = ["vote_command"]

DIGITS = 6  # of the largest payoff, to which all are rounded: float32 must break no tie
MOST_SHOWN = 12  # options whose pairs are shown


class Option(NamedTuple):
    """What voters may choose: the best seed of a run, or of a configuration of a sweep.

    Attributes:
      name: the run's directory, or the configuration's settings.
      path: of the directory.
      game: its name.
      entry: the seed's, of ``result.json``.
    """

    name: str
    path: pathlib.Path
    game: str
    entry: dict[str, Any]


def vote_command(arguments: list[str]) -> int:
    import tyro

    @dataclasses.dataclass(frozen=True)
    class VoteSettings:
        """Followers vote over the commitments of several runs, or of a sweep's configurations: of each, its best seed's.

        A voter is a follower; what an option is worth to it is its payoff in result.json. Nothing is judged anew.
        """

        directories: Annotated[tuple[pathlib.Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="DIR...")]
        """A sweep, or several runs."""
        rule: str = "borda"
        """Who wins: plurality, borda, copeland, runoff, approval or sum (of payoffs)."""
        json: bool = False
        """Machine-readable."""

    settings = parse(VoteSettings, arguments, "stackjax vote")
    from stackjax.voting import SINCERE, vote

    options = [option for path, label in _labelled(settings.directories) for option in _options(path, label)]
    if len(options) < 2:
        given = " ".join(map(str, settings.directories))
        raise InputError(f"vote needs the directory of a sweep, or of several runs: {given or 'nothing'} is no choice")
    found = vote(_utilities(options), settings.rule, [option.name for option in options])
    remarks = [SINCERE, *_remarks(options)]
    if settings.json:
        print(json.dumps(_content(found, options, remarks), indent=2))
    else:
        _show(found, remarks)
    return 0


def _labelled(directories: Sequence[pathlib.Path]) -> list[tuple[pathlib.Path, str]]:
    """Directories with what their options are called by; raises `InputError` if one is given more than once."""
    paths = [path.resolve() for path in directories]
    for path in paths:
        if paths.count(path) > 1:
            raise InputError(f"directory {path} is given more than once")
    names = [path.name for path in paths]
    labels = names if len(set(names)) == len(names) else list(map(str, paths))
    return list(zip(paths, labels if len(paths) > 1 else [""] * len(paths), strict=True))


def _options(path: pathlib.Path, label: str) -> list[Option]:
    """What a directory has to choose from; raises `InputError` if it is not finished, or damaged.

    ``label`` is what its options are called by; empty for the only directory.
    """
    from stackjax.disk.directory import SweepDirectory
    from stackjax.reports.display import best_seed

    directory = SweepDirectory(path)
    directory.open_existing()
    result, is_sweep = directory.read_result(), directory.is_sweep
    with directory.damage_told():
        if not is_sweep:
            return [Option(label or path.name, directory.path, result["game"], _sound(directory, best_seed(result)))]
        options, elements = [], directory.read_elements()
        for place, row in enumerate(result["configurations"]):
            seeds = [entry for entry in elements if entry["configuration"] == place]
            if len(seeds) < result["num_seeds"]:
                raise InputError(f"{directory.chunks} lacks seeds of configuration {place}; stackjax sweep --resume makes them")
            name = f"{label}: {_in_words(row['settings'])}" if label else _in_words(row["settings"])
            best = best_seed({**result, "seeds": seeds})
            options.append(Option(name, directory.path, result["game"], _sound(directory, best)))
        return options


def _in_words(settings: dict[str, Any]) -> str:
    """A configuration, by its only value or by all of them with their names."""
    if len(settings) == 1:
        return str(*settings.values())
    return ", ".join(f"{name.rpartition('.')[2]} {value}" for name, value in settings.items())


def _sound(directory: "SweepDirectory", entry: dict[str, Any]) -> dict[str, Any]:
    """A seed's ``entry``; raises `InputError` unless it says what each follower is paid, and was learned to the end."""
    payoffs = entry.get("follower_payoffs")
    if payoffs is None:
        raise InputError(f"directory {directory.path} has no follower_payoffs: its game has no followers who could vote")
    if not payoffs or not all(isinstance(value, (int, float)) and math.isfinite(value) for value in payoffs):
        raise directory.damaged_result(f"follower_payoffs={payoffs}")
    if entry["diverged_at"] is not None:
        raise InputError(
            f"directory {directory.path}: its best seed, {entry['seed']}, diverged at update {entry['diverged_at']}, so that "
            "nothing was settled on to vote about; train it again"
        )
    return entry


def _utilities(options: list[Option]) -> Any:
    """``[N, M]`` what each follower is paid under each option, to so many digits that rounding makes no difference."""
    import numpy as np

    first = options[0]
    for option in options:
        counts = [len(one.entry["follower_payoffs"]) for one in (first, option)]
        if counts[0] != counts[1]:
            raise InputError(
                f"directory {option.path} has {counts[1]} followers, and {first.path} has {counts[0]}; options must be for the "
                "same voters"
            )
    payoffs = np.array([option.entry["follower_payoffs"] for option in options], np.float64).T
    largest = float(np.abs(payoffs).max()) or 1.0
    return np.round(payoffs, DIGITS - math.ceil(math.log10(largest)))


def _remarks(options: list[Option]) -> list[str]:
    """What one should know of the payoffs."""
    said, games = [], list(dict.fromkeys(option.game for option in options))
    unsettled = [option.name for option in options if not option.entry["settled"]]
    drawn = [option.name for option in options if option.entry.get("half_width")]
    if len(games) > 1:
        said.append(f"The options are of several games ({', '.join(games)}): voter i is follower i of each.")
    if unsettled:
        said.append(f"Followers have not settled under {', '.join(unsettled)}: what they are paid there may not last.")
    if drawn:
        said.append(f"Payoffs are means over draws under {', '.join(drawn)}: a close vote may go another way.")
    return said


def _content(found: "Vote", options: list[Option], remarks: list[str]) -> dict[str, Any]:
    called = lambda place: None if place is None else found.names[place]
    return {
        "rule": found.rule,
        "options": [
            {"name": name, "directory": str(option.path), "seed": option.entry["seed"]}
            for name, option in zip(found.names, options, strict=True)
        ],
        "utilities": found.utilities.tolist(),
        "ballots": [[called(place) for place in ballot] for ballot in found.ballots],
        "pairwise": found.pairwise.tolist(),
        "winner": called(found.winner),
        "winners": {rule: called(place) for rule, place in found.winners.items()},
        "scores": {rule: scores.tolist() for rule, scores in found.scores.items()},
        "condorcet": called(found.condorcet),
        "price": found.price,
        "manipulability": found.manipulability,
        "remarks": remarks,
    }


def _show(found: "Vote", remarks: Sequence[str]) -> None:
    from stackjax.reports.display import number, text_table

    names, means, chosen = found.names, found.utilities.mean(axis=0), found.names[found.winner]
    voters = [f"voter {i + 1}" for i in range(len(found.utilities))]
    paid = [[name, *map(number, (*column, mean))] for name, column, mean in zip(names, found.utilities.T, means, strict=True)]
    print(text_table(["option", *voters, "mean"], paid, "What each voter is paid:") + "\n")
    print("Ballots, best first; = where options pay the same:")
    for voter, own, ballot in zip(voters, found.utilities, found.ballots, strict=True):
        signs = ["", *(" = " if own[a] == own[b] else " > " for a, b in itertools.pairwise(ballot))]
        print(f"  {voter}: {''.join(sign + names[place] for sign, place in zip(signs, ballot, strict=True))}")
    if len(names) <= MOST_SHOWN:
        pairs = [[name, *map(str, row)] for name, row in zip(names, found.pairwise, strict=True)]
        print("\n" + text_table(["", *names], pairs, "How many voters prefer the row to the column:") + "\n")
    rows = [[rule, names[found.winners[rule]], number(float(scores.max()))] for rule, scores in found.scores.items()]
    print(text_table(["rule", "winner", "its score"], rows, "The winner by each rule:") + "\n")
    best = int(found.utilities.mean(axis=0).argmax())
    print(f"Winner by {found.rule}: {chosen}.")
    print(f"Condorcet winner: {'none' if found.condorcet is None else names[found.condorcet]}.")
    print(
        f"Price of the vote: {number(found.price)}, the mean payoff under {names[best]}, {number(means[best])}, less that "
        f"under {chosen}, {number(means[found.winner])}."
    )
    print(f"Manipulability: {_manipulability_in_words(found)}.")
    print("\n".join(remarks))


def _manipulability_in_words(found: "Vote") -> str:
    from stackjax.reports.display import number

    if found.manipulability is None:
        return f"not known; {len(found.names)} options make too many ballots to try"
    if not found.manipulability:
        return "0; no voter gains by another ballot"
    return f"{number(found.manipulability)}; that is the most that one voter gains by another ballot"
