"""What commitments that pay the leader alike differ in, in words and on a page."""

import pathlib

import numpy as np

from stackjax.disk.files import write_text
from stackjax.pictures import Picture, paths
from stackjax.rashomon.comparison import Comparison
from stackjax.rashomon.found import Multiplicity
from stackjax.reports.display import number, text_table
from stackjax.reports.report import drawn, page

__all__ = ["compared_in_words", "in_words", "write_comparison_page", "write_multiplicity"]

MOST_PROFILES = 12  # that are told in words
SAME = 1e-6  # payoffs that are one, of the largest
WHAT = {"allocation": "what happens", "payments": "what happens and what followers are paid"}
KNOWN = {
    "all": "all that there are",
    "given": "all of those that were given",
    "lp": "by linear programmes, with borders",
    "sample": "of a sample: inner bounds",
}


def in_words(found: Multiplicity) -> list[str]:
    """The lines that ``stackjax multiplicity`` prints."""
    count, how = f"{found.num_members:,}", KNOWN[found.how]
    best = f"{number(found.best_payoff)} ({found.best_method})"
    some = "" if found.num_members == len(found) else f"; {len(found):,} of them, drawn at random, are judged"
    plural = "commitment pays" if found.num_members == 1 else "commitments pay"
    lines = [f"{found.name}: {count} {plural} within {number(found.slack)} of the best, {best}; {how}{some}"]
    rows = [[name, *map(number, found.ranges[name][:2]), KNOWN[found.ranges[name].how]] for name in _told(found)]
    lines += [text_table(["", "from", "to", "known"], rows), ""]
    for measure in found.outcomes:
        churn = found.expected_churn(measure)
        said = (
            "never differs"
            if churn == 0
            else f"differs in {100 * churn:.3g} % of type profiles between two of them, on average"
        )
        lines.append(f"{WHAT[measure].capitalize()} {said} (expected churn {number(churn)}).")
    if found.outcomes:
        measure = found.telling
        apart = found.disagreement(measure)
        if apart.any() and len(apart) > 1:
            lines.append(f"How far two of them are apart in {WHAT[measure]}, by type profile:")
            lines += _bars(found.profiles, found.weights, apart)
    if found.utilities.size:
        spread = ", ".join(f"follower {i + 1} {number(value)}" for i, value in enumerate(found.stakes()))
        lines.append(f"What is at stake between them, on average over type profiles: {spread}.")
    best_member = found.best
    value = number(float(found.objectives[found.second][best_member]))
    lines += ["", f"Best by {found.second}: {found.label(best_member)}, {value}"]
    lines += [f"  {line}" for line in found.mechanisms.get(best_member, [])]
    if found.outcomes:
        lines.append(f"Least churn to all others, to deploy if all else is equal: {found.label(found.medoid)}")
        if found.medoid != best_member:
            lines += [f"  {line}" for line in found.mechanisms.get(found.medoid, [])]
    return lines


def compared_in_words(found: Comparison) -> list[str]:
    """The lines that ``stackjax compare`` prints."""
    one, other = found.names
    lines = [f"{found.game}: {one}, and in its place {other}"]
    followers = found.followers
    rows = [["leader", *(number(float(paid)) for paid in found.payoffs), number(float(np.diff(found.payoffs)[0]))]]
    for i, (before, after) in enumerate(followers.T):
        rows.append([f"follower {i + 1}", number(before), number(after), number(after - before)])
    lines += [text_table(["paid", one, other, "gain"], rows), ""]
    for measure, churn in found.churn.items():
        said = "does not differ" if churn == 0 else f"differs in {100 * churn:.4g} % of type profiles"
        lines.append(f"{WHAT[measure].capitalize()} {said} (churn {number(churn)}).")
    lines.append("Who gains and who loses, by type profile:")
    gains = found.gains
    headings = ["", "chance", *(f"follower {i + 1}" for i in range(len(gains))), "leads elsewhere"]
    told = "allocation" if "allocation" in found.apart else next(iter(found.apart), None)
    rows = []
    for place in _telling(found.weights, np.abs(found.gains).sum(axis=0)):
        elsewhere = "" if told is None else number(float(found.apart[told][place]))
        shown = [f"{value:+.4f}" if abs(value) > SAME else "0" for value in gains[:, place]]
        rows.append([found.profiles[place], f"{found.weights[place]:.3f}", *shown, elsewhere])
    lines.append(text_table(headings, rows))
    lines += _left_out(found.weights)
    return lines


def write_multiplicity(path: pathlib.Path, found: Multiplicity) -> None:
    """Write the page of ``stackjax multiplicity``."""
    names = [name for name in _told(found) if name != "equality"]
    low = min([0.0, *(found.ranges[name].low for name in names)])
    most = max([found.ranges[name].high - low for name in names] or [1.0])
    steps = lambda one: [
        {"text": f"from {number(one.low)}", "size": one.low - low},
        {"text": f"to {number(one.high)}", "size": one.high - low},
    ]
    pictures = [
        paths(
            "Who may be paid what",
            [{"label": name, "chance": None, "steps": steps(found.ranges[name])} for name in names],
            most,
            "game units",
        )
    ]
    for measure in found.outcomes:
        title = f"How far two commitments are apart in {WHAT[measure]}, by type profile"
        pictures.append(_by_profile(title, found.profiles, found.weights, found.disagreement(measure)))
    content = page(
        "alike.html", title=f"{found.name}: commitments alike", lines="\n".join(in_words(found)), pictures=drawn(pictures)
    )
    write_text(path, content)


def write_comparison_page(path: pathlib.Path, found: Comparison) -> None:
    """Write the page of ``stackjax compare``."""
    pictures = [
        _by_profile(f"Where they differ in {WHAT[measure]}", found.profiles, found.weights, apart)
        for measure, apart in found.apart.items()
    ]
    lost = max(float(np.abs(found.gains).max()), SAME)
    chosen = _telling(found.weights, np.abs(found.gains).sum(axis=0))
    for i, gains in enumerate(found.gains):
        each = [
            {
                "label": found.profiles[place],
                "chance": float(found.weights[place]),
                "steps": [
                    {
                        "text": f"{'gains' if gains[place] > 0 else 'loses'} {number(abs(gains[place]))}",
                        "size": abs(gains[place]),
                    }
                ],
            }
            for place in chosen
        ]
        pictures.append(paths(f"What follower {i + 1} gains or loses", each, lost, "game units"))
    content = page(
        "alike.html",
        title=f"{found.game}: two commitments",
        lines="\n".join(compared_in_words(found)),
        pictures=drawn(pictures),
    )
    write_text(path, content)


def _told(found: Multiplicity) -> list[str]:
    """The objectives that are worth a row: of one follower its payoff is its sum, its least and all alike."""
    alone = found.followers.shape[1] == 1
    return [name for name in found.ranges if not (alone and name in ("followers", "least-follower", "equality"))]


def _telling(weights: np.ndarray, values: np.ndarray) -> list[int]:
    """The profiles of types that are told, in order: those at which most is to be told, by weight."""
    return sorted(np.lexsort((-weights, -weights * np.abs(values)))[:MOST_PROFILES].tolist())


def _left_out(weights: np.ndarray) -> list[str]:
    rest = len(weights) - MOST_PROFILES
    return [] if rest <= 0 else [f"  {rest:,} other type profiles, at which they differ no more than at these"]


def _bars(profiles: list[str], weights: np.ndarray, values: np.ndarray) -> list[str]:
    places = _telling(weights, values)
    width = max(len(profiles[place]) for place in places)
    lines = [f"  {profiles[place]:<{width}}  {'█' * round(20 * values[place]):<20}  {values[place]:.2f}" for place in places]
    return [*lines, *_left_out(weights)]


def _by_profile(title: str, profiles: list[str], weights: np.ndarray, values: np.ndarray) -> Picture:
    each = [
        {"label": label, "chance": float(weight), "steps": [{"text": f"{value:.2f}", "size": float(value)}]}
        for label, weight, value in zip(profiles, weights, values, strict=True)
    ]
    return paths(title, each, 1.0, "share")
