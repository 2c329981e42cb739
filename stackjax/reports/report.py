"""``report.html``: one self-contained page with results, pictures of the mechanism, learning curves and settings."""

import json
import pathlib
from functools import partial
from typing import Any

import numpy as np

from stackjax.disk import metrics
from stackjax.disk.directory import RunDirectory
from stackjax.disk.files import write_text
from stackjax.pictures import drawn_or_none
from stackjax.reports.curves import compared_curves, learning_curves
from stackjax.reports.display import (
    best_seed,
    number,
    optimum_in_words,
    remarks,
    result_table,
)
from stackjax.reports.intervals import interval
from stackjax.reports.pages import page
from stackjax.reports.pictures import draw

__all__ = ["write_comparison", "write_report"]

GLOSSARY = {
    "to optimum": "What the leader's best possible payoff exceeds this one by; 0 is as good as it gets.",
    "B-CCE gap": "The most that a follower of any type gains by always playing one action instead of what its learning "
    "advises: 0 in a Bayesian coarse-correlated equilibrium.",
    "BNE gap": "The most that a follower of some type gains by another action if all play independently: 0 in a Bayes-Nash "
    "equilibrium.",
    "exploitability": "The most that a follower gains by another policy: 0 for a best response.",
    "± (95 %)": "Half of the width of a 95 % interval; 0 where the payoff is exact.",
    "not settled": "The gap is too large for the followers' play to be an equilibrium.",
}


def write_report(directory: RunDirectory, result: dict[str, Any]) -> None:
    """Write the page from ``result.json``'s content, the run's metrics and its ``config.json``."""
    best, config = best_seed(result), json.loads(directory.config.read_text(encoding="utf-8"))
    headings, rows = result_table(result)
    seconds = result["wall_seconds"]
    unsettled = ["not settled"] if any(not seed["settled"] for seed in result["seeds"]) else []
    versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    text = page(
        "report.html",
        result=result,
        options=", ".join(f"{key} = {value}" for key, value in result["game_options"].items()),
        optimum=optimum_in_words(result),
        headings=headings,
        rows=rows,
        remarks=remarks(result),
        evaluation=f"against followers {result['evaluation']['words']}",
        is_exact="exact" in result["evaluation"]["words"],
        reached=_reached(result),
        plays=_plays(best),
        best=best,
        pictures=[(title, svg) for title, svg in _drawn(best.get("pictures", [])) if svg is not None],
        mechanism=_words(best),
        others=[(seed["seed"], _words(seed)) for seed in result["seeds"] if seed is not best],
        curves=learning_curves(metrics.read(directory.metrics), result),
        curves_note="A faint line is a seed; the strong one is their mean with its 95 % interval, for three seeds or more.",
        glossary=[(term, meaning) for term, meaning in GLOSSARY.items() if term in [*headings, *unsettled]],
        command=result.get("command") or "made in Python: no command trains it again",
        config=json.dumps(config, indent=1),
        timing=f"compile {seconds['compile']:.1f} s, train {seconds['train']:.1f} s, evaluate {seconds['evaluate']:.1f} s on "
        f"{result['device']}; {versions}",
    )
    write_text(directory.report, text)


def _drawn(pictures: list[dict[str, Any]]) -> list[tuple[str, str | None]]:
    return [(picture["title"], drawn_or_none(partial(draw, picture))) for picture in pictures]


def _words(seed: dict[str, Any]) -> str:
    answers = ["", "What followers answer:", *(f"  {line}" for line in seed["follower_play"])] if seed["follower_play"] else []
    return "\n".join([*seed["mechanism"], *answers])


def _reached(result: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """What learning, polishing and the exact optimum each reached, by seed."""
    rows = []
    for seed in result["seeds"]:
        learned = seed if seed["learned"] is None else seed["learned"]
        optimum = "not known" if seed["optimum"] is None else f"{number(seed['optimum'])} ({seed['optimum_method']})"
        polished = "left out" if seed["learned"] is None else number(seed["leader_payoff"])
        rows.append([str(seed["seed"]), number(learned["leader_payoff"]), polished, optimum])
    return ["seed", "learned", "polished", "optimum"], rows


def _plays(best: dict[str, Any]) -> tuple[list[str], list[list[str]]] | None:
    """The three plays of a seed's followers side by side, where there are three."""
    if "plays" not in best:
        return None
    names = ["leader_payoff", *(name for name in next(iter(best["plays"].values())) if name.endswith("_gap"))]
    rows = [[play, *(number(found[name]) for name in names)] for play, found in best["plays"].items()]
    return ["play", *(name.replace("_", " ") for name in names)], rows


def write_comparison(directories: list[RunDirectory], out: pathlib.Path) -> None:
    """Write a page that shows several runs side by side: a row for each, and learning curves for each game."""
    runs = [(directory, directory.read_result()) for directory in directories]
    rows = []
    for directory, result in runs:
        payoffs = np.array([seed["leader_payoff"] for seed in result["seeds"]])
        centre, low, high = (float(end) for end in interval(payoffs, np.mean))
        spread = f" [{number(low)}, {number(high)}]" if len(payoffs) > 1 else ""
        optimum = result["seeds"][0]["optimum"]
        gap = max(seed[result["gap_name"]] for seed in result["seeds"])
        rows.append(
            [
                str(directory.path),
                result["game"],
                ", ".join(f"{key} = {value}" for key, value in result["game_options"].items()),
                result["solver"],
                str(len(payoffs)),
                number(centre) + spread,
                number(float(payoffs.max())),
                "not known" if optimum is None else number(optimum),
                f"{result['columns'].get(result['gap_name'], result['gap_name'])} {number(gap)}",
                str(sum(not seed["settled"] for seed in result["seeds"])),
                f"{sum(result['wall_seconds'].values()):.1f} s",
            ]
        )
    of_game: dict[tuple[str, str], list[Any]] = {}
    for directory, result in runs:
        named = f"{directory.path.name} ({result['solver']})", metrics.read(directory.metrics), result
        of_game.setdefault((result["game"], result["gap_name"]), []).append(named)
    headings = [
        "run",
        "game",
        "options",
        "solver",
        "seeds",
        "leader payoff",
        "best",
        "optimum",
        "largest gap",
        "not settled",
        "time",
    ]
    curves = [(game, compared_curves(found)) for (game, _), found in of_game.items()]
    write_text(out, page("comparison.html", headings=headings, rows=rows, curves=curves))
