"""What a run shows on the terminal: a live line, then a table per seed and the mechanism in words."""

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

from stackjax.runs.directory import RunDirectory

if TYPE_CHECKING:
    from stackjax.runs import loop

__all__ = ["COLUMNS", "LiveProgress", "best_seed", "optimum_in_words", "print_result", "seed_cells", "unsettled_in_words"]

COLUMNS = ("seed", "leader payoff", "to optimum", "followers' payoffs", "B-CCE gap", "BNE gap")
PLAIN_INTERVAL = 5.0  # seconds between lines when the output is not a terminal


class LiveProgress:
    """A live progress line; plain lines now and then when the output is not a terminal."""

    def __init__(self, num_updates: int, *, silent: bool = False) -> None:
        self._console, self._silent = Console(stderr=True, quiet=silent), silent
        self._bar = Progress(
            TextColumn("update {task.completed}/{task.total}"),
            BarColumn(bar_width=20),
            TextColumn("{task.fields[line]}"),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task("", total=num_updates, line="compiling ...")
        self._last = time.monotonic()

    def __enter__(self) -> "LiveProgress":
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._bar.stop()

    def show(self, seen: "loop.Progress") -> None:
        line = (
            f"leader payoff {seen.leader_payoff:.4g}  gap {seen.bcce_gap:.3g}  "
            f"{seen.episodes_per_second:,.0f} episodes/s  {seen.seconds_left:.0f} s left"
        )
        self._bar.update(self._task, completed=seen.update, line=line)
        is_due = time.monotonic() - self._last > PLAIN_INTERVAL or seen.update == seen.num_updates
        if is_due and not (self._silent or self._console.is_terminal):
            self._last = time.monotonic()
            print(f"update {seen.update}/{seen.num_updates}  {line}", file=sys.stderr, flush=True)


def best_seed(result: dict[str, Any]) -> dict[str, Any]:
    """A seed whose followers settle if there is any, with the highest leader payoff, among equals the smallest gap."""
    order = lambda seed: (seed.get("settled", True), round(seed["leader_payoff"], 6), -seed["bcce_gap"])
    return max(result["seeds"], key=order)


def unsettled_in_words(result: dict[str, Any]) -> str:
    """What "not settled" means, if the table says so of a seed; else an empty string."""
    if all(seed.get("settled", True) for seed in result["seeds"]):
        return ""
    limit = number(result["evaluation"]["settled_gap"])
    return f"Not settled: the gap is above {limit}, so that the followers' play is no equilibrium and the payoff may not last."


def print_result(result: dict[str, Any], directory: RunDirectory | None, console: Console | None = None) -> None:
    """The table, what the best seed learned, and where the report lies (if a ``directory`` is given)."""
    console = console or Console()
    console.print(f"{result['game']}: greedy leader, exact evaluation; optimum {optimum_in_words(result)}", highlight=False)
    table = Table(*COLUMNS, box=None, pad_edge=False)
    for column in table.columns:
        column.justify = "right"
    for seed in result["seeds"]:
        table.add_row(*seed_cells(seed))
    console.print(table)
    if unsettled_in_words(result):
        console.print(unsettled_in_words(result), highlight=False)
    best = best_seed(result)
    console.print(f"\nWhat seed {best['seed']} learned:", style="bold")
    for line in best["mechanism"]:
        console.print(f"  {line}", highlight=False, markup=False)
    if best["follower_play"]:
        console.print("What followers answer:", style="bold")
        for line in best["follower_play"]:
            console.print(f"  {line}", highlight=False, markup=False)
    seconds = result["wall_seconds"]
    took = f"compile {seconds['compile']:.1f} s, train {seconds['train']:.1f} s, evaluate {seconds['evaluate']:.1f} s"
    report = f"; report: {directory.report}" if directory is not None else ""
    console.print(f"\n{took}{report}", highlight=False, soft_wrap=True)


def optimum_in_words(result: dict[str, Any]) -> str:
    """The leader's optimum and how it is known, for example ``27.5 (lp)``."""
    seed = result["seeds"][0]
    return "not known" if seed["optimum"] is None else f"{number(seed['optimum'])} ({seed['optimum_method']})"


def seed_cells(seed: dict[str, Any]) -> list[str]:
    """A seed's row of the result table, as text."""
    return [
        str(seed["seed"]),
        number(seed["leader_payoff"]),
        "?" if seed["optimality_gap"] is None else number(seed["optimality_gap"]),
        ", ".join(number(value) for value in seed["follower_payoffs"]),
        number(seed["bcce_gap"]) + ("" if seed.get("settled", True) else " (not settled)"),
        number(seed["bne_gap"]),
    ]


def number(value: float) -> str:
    """Four decimals without trailing zeros, and no negative zero."""
    return f"{round(value, 4) + 0.0:.4f}".rstrip("0").rstrip(".")
