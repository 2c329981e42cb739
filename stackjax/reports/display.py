"""What a run shows on the terminal: a live line, then a table per seed and the mechanism in words."""

import math
import sys
import time
from types import TracebackType
from typing import Any, NamedTuple

import numpy as np
from rich import progress as bars
from rich.console import Console
from rich.table import Table

from stackjax.disk.directory import RunDirectory

__all__ = [
    "LiveProgress",
    "Progress",
    "best_seed",
    "listed",
    "optimum_in_words",
    "plain_console",
    "print_result",
    "print_table",
    "remarks",
    "result_table",
    "size_of",
    "took",
]

TIED = 1e-5  # of what payoffs may differ by: payoffs closer than this are the same
DIFFERENT = 0.01  # of the largest payoff: what followers must be paid more or less to be spoken of
MOST_MARGINS = 3
SOON = 0.05  # of the updates, after which the time that is left is told
PLAIN_INTERVAL = 5.0  # seconds between lines when the output is not a terminal


class Progress(NamedTuple):
    """What a live display shows after each stretch of updates."""

    update: int
    num_updates: int
    leader_payoff: float  # of the best greedy commitment so far, mean over elements
    gap: float  # its gap, largest over elements
    episodes_per_second: float
    seconds_left: float


class LiveProgress:
    """A live progress line; plain lines now and then when the output is not a terminal."""

    def __init__(self, *, silent: bool = False) -> None:
        self._console, self._silent = plain_console(stderr=True, quiet=silent), silent
        self._bar = bars.Progress(
            bars.TextColumn("update {task.completed}{task.fields[of]}"),
            bars.BarColumn(bar_width=20),
            bars.TextColumn("{task.fields[line]}", markup=False),
            bars.TimeElapsedColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task("", total=None, line="starting", of="")
        self._last = time.monotonic()

    def __enter__(self) -> "LiveProgress":
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._bar.stop()

    def stage(self, words: str) -> None:
        """Say what is done before training."""
        self._bar.update(self._task, line=words)

    def show(self, seen: Progress) -> None:
        gap = f"gap {seen.gap:.3g}  " if math.isfinite(seen.gap) else ""  # few samples bound none
        is_known = seen.update >= SOON * seen.num_updates
        left = f"  at most {seen.seconds_left:.0f} s left" if is_known and seen.update < seen.num_updates else ""
        line = f"leader payoff {seen.leader_payoff:.4g}  {gap}{seen.episodes_per_second:,.0f} episodes/s{left}"
        total = seen.num_updates
        self._bar.update(self._task, completed=seen.update, total=total, of=f"/{total}", line=line)
        is_due = time.monotonic() - self._last > PLAIN_INTERVAL or seen.update == seen.num_updates
        if is_due and not (self._silent or self._console.is_terminal):
            self._last = time.monotonic()
            print(f"update {seen.update}/{seen.num_updates}  {line}", file=sys.stderr, flush=True)


def best_seed(result: dict[str, Any]) -> dict[str, Any]:
    """A seed whose followers settle if there is any, with the highest leader payoff, among equals the smallest gap.

    Payoffs count by the lower ends of their intervals, where they have any.
    """
    size = size_of(result)
    sure = lambda seed: seed["leader_payoff"] - seed.get("half_width", 0.0)
    order = lambda seed: (seed["settled"], round(sure(seed) / size, 6), -seed[result["gap_name"]])
    return max(result["seeds"], key=order)


def size_of(result: dict[str, Any]) -> float:
    """What payoffs may differ by, game units: what they are rounded against."""
    low, high = result.get("payoff_range", (0.0, 1.0))
    return float(high - low) or 1.0


def remarks(result: dict[str, Any]) -> list[str]:
    """Sentences that belong below the table."""
    updates, why_unknown = result["updates"], result.get("why_unknown", "")
    is_polished = lambda seed: seed["learned"] is not None and seed["commitment"]["actions"] != seed["learned"]["actions"]
    polished = [seed for seed in result["seeds"] if is_polished(seed)]
    why_stopped = {
        "optimum": "every seed has reached the optimum",
        "tried": "every commitment that there is has been tried, against several groups of followers each",
        "flat": f"no seed has found better for {updates.get('patience')} updates (--patience 0 goes on)",
    }.get(updates.get("stopped", ""))
    rule = result["evaluation"].get("rule")
    said = [
        f"Followers: {rule}." if rule else "",
        *(f"The most that is possible {words}: {number(most)}." for words, most in result.get("yardsticks", {}).items()),
        f"The optimum is not known: {why_unknown}." if why_unknown else "",
        f"Stopped at update {updates['done']} of {updates['asked']}: {why_stopped}." if why_stopped else "",
        rising_in_words(result),
        margins_in_words(result),
        _polished_in_words(polished),
        chosen_in_words(result),
        alike_in_words(result),
        result.get("caveat", "") if len(polished) < len(result["seeds"]) else "",
        unsettled_in_words(result),
    ]
    return [words for words in said if words]


def rising_in_words(result: dict[str, Any]) -> str:
    """That more updates may find better; else an empty string."""
    updates = result["updates"]
    optimal = {seed["seed"] for seed in result["seeds"] if seed["optimality_gap"] == 0.0}
    rising = [str(seed) for seed in updates.get("still_rising", []) if seed not in optimal]
    if not rising:
        return ""
    which = f"seed {rising[0]} was" if len(rising) == 1 else f"seeds {', '.join(rising)} were"
    option = f"--{result['solver']}.num-updates {2 * updates['asked']}"
    return f"Still rising: {which} better in the last tenth of the updates than before; more may help, {option}."


def margins_in_words(result: dict[str, Any]) -> str:
    """Which payoffs a follower's near-indifference decides, if its mixed play pays otherwise; else an empty string."""
    found = []
    for seed in result["seeds"]:
        plays, near = seed.get("plays", {}), seed.get("margin")
        other = plays.get("mixed", {}).get("leader_payoff", seed["leader_payoff"])
        if near is not None and seed.get("reward_play") == "argmax" and seed["leader_payoff"] - other > 0.01 * size_of(result):
            words = f"that of seed {seed['seed']} on {max(near, 0.0):.2g} (mixed play pays {number(other)})"
            found.append((near, words))
    if not found:
        return ""
    closest = [words for _, words in sorted(found)[:MOST_MARGINS]]
    return (
        f"Payoffs that rest on a small margin, what some follower loses by another action: {'; '.join(closest)}. Followers who "
        "have learned that little still mix."
    )


def _polished_in_words(seeds: list[dict[str, Any]]) -> str:
    """What polishing added to the ``seeds`` that it changed; empty if there are none."""
    if not seeds:
        return ""
    which = f"seed{'s' * (len(seeds) > 1)} {', '.join(str(seed['seed']) for seed in seeds)}"
    mean = float(np.mean([seed["leader_payoff"] - seed["learned"]["leader_payoff"] for seed in seeds]))
    return f"Polishing changed what {which} learned and added {number(mean)} to the payoff{' on average' * (len(seeds) > 1)}."


def alike_in_words(result: dict[str, Any]) -> str:
    """That seeds which all reach the optimum pay followers differently; else an empty string."""
    seeds = result["seeds"]
    paid = [seed.get("follower_payoffs") for seed in seeds]
    if len(seeds) < 2 or not all(paid) or not all(seed["settled"] and seed["optimality_gap"] == 0.0 for seed in seeds):
        return ""
    columns = np.array(paid, np.float64).T
    if np.ptp(columns, axis=1).max() <= DIFFERENT * max(float(np.abs(columns).max()), 1e-12):
        return ""
    who = [
        f"follower{f' {i + 1}' * (len(columns) > 1)} {number(own.min())} … {number(own.max())}" for i, own in enumerate(columns)
    ]
    return (
        f"All seeds pay the leader its best, and followers different amounts: {', '.join(who)}. Which to deploy? stackjax "
        "multiplicity DIR tells what else there is; train --second chooses."
    )


def chosen_in_words(result: dict[str, Any]) -> str:
    """What choosing by a second objective has come to; empty without one."""
    if "choice" not in result:
        return ""
    choice = result["choice"]
    what = {
        "followers": "the sum of followers' payoffs",
        "least-follower": "the least follower's payoff",
        "equality": "the equality of followers' payoffs",
        "revenue": "what followers pay",
        "robust": "the leader's payoff at the worst that followers may answer",
        "simplicity": "how many different numbers a commitment holds",
        "nearest": "the distance from the other run's commitment",
    }[choice["second"]]
    ends = [[seed[key] for seed in result["seeds"]] for key in ("second_before", "second")]
    span = lambda values: (
        number(min(values)) if min(values) == max(values) else f"{number(min(values))} … {number(max(values))}"
    )
    cost = f"with {number(choice['slack'])} less for the leader at most" if choice["slack"] else "at no cost to the leader"
    return f"Chosen by {what}, {cost}: {span(ends[0])} before, {span(ends[1])} now."


def unsettled_in_words(result: dict[str, Any]) -> str:
    """What "not settled" means, if the table says so of a seed; else an empty string."""
    if all(seed["settled"] for seed in result["seeds"]):
        return ""
    limit = number(result["evaluation"]["settled_gap"])
    if result["evaluation"].get("gap_is_found"):
        return (
            f"Not settled: a learner found, or may have found, that a follower could gain more than {limit} by another policy."
        )
    if result["evaluation"].get("gap_is_bound"):
        return f"Not settled: samples bound the gap by more than {limit}, which does not tell whether followers have settled."
    return f"Not settled: the gap is above {limit}, so that the followers' play is no equilibrium and the payoff may not last."


def plain_console(**how: Any) -> Console:
    """A console that prints words as they are: names that people give are no markup."""
    return Console(markup=False, emoji=False, highlight=False, force_jupyter=False, **how)


def print_result(
    result: dict[str, Any], directory: RunDirectory | None, console: Console | None = None, *, timings: bool = False
) -> None:
    """The table, what the best seed learned, and where the report lies (if a ``directory`` is given)."""
    console = console or plain_console()
    which = "last" if result.get("counts_last") else "best"
    console.print(f"{result['game']}: the {which} commitment of each seed; optimum {optimum_in_words(result)}")
    print_table(result, console)
    for words in remarks(result):
        console.print(words)
    best = best_seed(result)
    console.print(f"\nWhat seed {best['seed']} learned:", style="bold")
    for line in best["mechanism"]:
        console.print(f"  {line}")
    if best["follower_play"]:
        console.print("What followers answer:", style="bold")
        for line in best["follower_play"]:
            console.print(f"  {line}")
    report = f"; report: {directory.report}" if directory is not None else ""
    console.print(f"\n{took(result)}{report}", soft_wrap=True)
    if timings:
        console.print(", ".join(f"{part} {spent:.2f} s" for part, spent in result["timings"].items()), soft_wrap=True)


def took(result: dict[str, Any]) -> str:
    """The seconds that the parts of a run or of a sweep took."""
    return ", ".join(f"{part} {result['wall_seconds'][part]:.1f} s" for part in ("compile", "train", "evaluate"))


def listed(values: dict[str, Any], sign: str = " = ") -> str:
    """For example ``num_messages = 2, num_types = 3``."""
    return ", ".join(f"{key}{sign}{value}" for key, value in values.items())


def print_table(result: dict[str, Any], console: Console) -> None:
    """A row for each seed."""
    headings, rows = result_table(result)
    table = Table(*headings, box=None, pad_edge=False)
    for column in table.columns:
        column.justify = "right"
    for row in rows:
        table.add_row(*row)
    console.print(table)


def optimum_in_words(result: dict[str, Any], seed: dict[str, Any] | None = None) -> str:
    """The leader's optimum, of a ``seed`` or of all, and how it is known, for example ``27.5 (lp)``."""
    seed = seed or result["seeds"][0]
    known = "" if seed["optimum"] is None else number(seed["optimum"], size_of(result))
    return f"{known} ({seed['optimum_method']})" if known else "not known"


def result_table(result: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """The headings of the result table, and a row of text for each seed."""
    size, columns = size_of(result), dict(result["columns"])
    if "weak_payoff" not in columns and any(_rests_on_ties(seed, size) for seed in result["seeds"]):
        columns["worst_payoff"] = "worst reply"
    headings = ["seed", "leader payoff", "to optimum", *columns.values()]
    rows = []
    for seed in result["seeds"]:
        to_optimum = "?" if seed["optimality_gap"] is None else number(seed["optimality_gap"], size)
        row = [str(seed["seed"]), number(seed["leader_payoff"], size), to_optimum]
        for key in columns:
            text = ", ".join("?" if value is None else number(value, size) for value in np.atleast_1d(seed.get(key)))
            row.append(text + (" (not settled)" if key == result["gap_name"] and not seed["settled"] else ""))
        rows.append(row)
    return headings, rows


def _rests_on_ties(seed: dict[str, Any], size: float) -> bool:
    """Whether followers who answer as well may pay the leader less."""
    worst = seed.get("worst_payoff")
    return worst is not None and worst < seed["leader_payoff"] - TIED * size


def text_table(headings: list[str], rows: list[list[str]], title: str = "") -> str:
    """A table in plain text, the first column to the left and all others to the right; lines are as long as they are."""
    widths = [max(len(row[k]) for row in (headings, *rows)) for k in range(len(headings))]
    rest = lambda row: [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
    lines = [f"  {'  '.join([row[0].ljust(widths[0]), *rest(row)])}".rstrip() for row in (headings, *rows)]
    return "\n".join([title, *lines] if title else lines)


def number(value: float, size: float = 1.0) -> str:
    """Four decimals without trailing zeros, and no negative zero; where numbers are of ``size`` 0.01 or less, four digits."""
    if size > 0.01:
        return f"{round(value, 4) + 0.0:.4f}".rstrip("0").rstrip(".")
    return f"{round(value / size, 4) * size + 0.0:.4g}"
