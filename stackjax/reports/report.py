"""``report.html``: one self-contained page with results, pictures of the mechanism, learning curves and settings."""

import functools
import json
import pathlib
from collections.abc import Iterable
from typing import Any

import numpy as np

from stackjax.disk import metrics
from stackjax.disk.directory import RunDirectory
from stackjax.disk.files import write_text
from stackjax.pictures import Picture, drawn_or_none
from stackjax.reports.curves import compared_curves, learning_curves
from stackjax.reports.display import best_seed, listed, number, optimum_in_words, remarks, result_table, took
from stackjax.reports.intervals import interval
from stackjax.reports.pictures import draw

__all__ = ["drawn", "page", "write_comparison", "write_report"]


@functools.cache
def _environment() -> Any:
    import jinja2

    return jinja2.Environment(
        loader=jinja2.PackageLoader("stackjax.reports"), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )


def page(template: str, **content: Any) -> str:
    """``template`` filled in; everything but pictures is escaped."""
    return str(_environment().get_template(template).render(**content))


def write_report(directory: RunDirectory, result: dict[str, Any]) -> None:
    """Write the page from ``result.json``'s content, the run's metrics and its ``config.json``."""
    best, config = best_seed(result), json.loads(directory.config.read_text(encoding="utf-8"))
    headings, rows = result_table(result)
    content = page(
        "report.html",
        result=result,
        options=listed(result["game_options"]),
        optimum=optimum_in_words(result),
        headings=headings,
        rows=rows,
        remarks=remarks(result),
        reached=_reached(result),
        plays=_plays(best),
        best=best,
        pictures=drawn(best.get("pictures", [])),
        mechanism=_words(best),
        others=[(seed["seed"], _words(seed)) for seed in result["seeds"] if seed is not best],
        curves=drawn(learning_curves(metrics.read(directory.metrics), result).values()),
        command=result.get("command") or "made in Python: no command trains it again",
        config=json.dumps(config, indent=1),
        timing=f"{took(result)} on {result['device']}; {listed(result['versions'], ' ')}",
    )
    write_text(directory.report, content)


def drawn(pictures: Iterable[Picture]) -> list[tuple[str, str]]:
    """Titles and SVGs, without what cannot be drawn."""
    found = [(picture["title"], drawn_or_none(functools.partial(draw, picture))) for picture in pictures]
    return [(title, svg) for title, svg in found if svg is not None]


def _words(seed: dict[str, Any]) -> str:
    answers = ["", "What followers answer:", *(f"  {line}" for line in seed["follower_play"])] if seed["follower_play"] else []
    return "\n".join([*seed["mechanism"], *answers])


def _reached(result: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """What learning, polishing and the exact optimum each reached, by seed."""
    rows = []
    for seed in result["seeds"]:
        learned = seed if seed["learned"] is None else seed["learned"]
        polished = "left out" if seed["learned"] is None else number(seed["leader_payoff"])
        rows.append([str(seed["seed"]), number(learned["leader_payoff"]), polished, optimum_in_words(result, seed)])
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
    rows: list[list[str]] = []
    of_game: dict[tuple[str, str], list[Any]] = {}
    for directory in directories:
        result = directory.read_result()
        payoffs = np.array([seed["leader_payoff"] for seed in result["seeds"]])
        centre, low, high = (float(end) for end in interval(payoffs, np.mean))
        optimum, gap = result["seeds"][0]["optimum"], result["gap_name"]
        rows.append(
            [
                *(str(directory.path), result["game"], listed(result["game_options"]), result["solver"], str(len(payoffs))),
                number(centre) + (f" [{number(low)}, {number(high)}]" if len(payoffs) > 1 else ""),
                number(float(payoffs.max())),
                "not known" if optimum is None else number(optimum),
                f"{result['columns'].get(gap, gap)} {number(max(seed[gap] for seed in result['seeds']))}",
                str(sum(not seed["settled"] for seed in result["seeds"])),
                f"{sum(result['wall_seconds'].values()):.1f} s",
            ]
        )
        named = f"{directory.path.name} ({result['solver']})", metrics.read(directory.metrics), result
        of_game.setdefault((result["game"], gap), []).append(named)
    headings = ["run", "game", "options", "solver", "seeds", "leader payoff", "best", "optimum"]
    headings += ["largest gap", "not settled", "time"]
    curves = [(game, drawn(compared_curves(found))) for (game, _), found in of_game.items()]
    write_text(out, page("comparison.html", headings=headings, rows=rows, curves=curves))
