"""What goes into a paper: the table of seeds as CSV or LaTeX, and a figure of the report as SVG or PDF."""

import csv
import io
import pathlib
from typing import Any

from stackjax.disk import metrics
from stackjax.disk.directory import RunDirectory
from stackjax.disk.files import write_bytes, write_text
from stackjax.errors import InputError, near_matches
from stackjax.reports.curves import learning_figures
from stackjax.reports.display import result_table
from stackjax.reports.pictures import figure_of
from stackjax.reports.style import in_black, styled

__all__ = ["export_figure", "export_table", "rows_of"]

ESCAPES = {"\\": r"\textbackslash{}", **{mark: f"\\{mark}" for mark in "&%$#_{}"}, "~": r"\textasciitilde{}", "±": r"$\pm$"}


def rows_of(result: dict[str, Any]) -> list[dict[str, Any]]:
    """A row of numbers and words for each seed, as ``result.json`` has them; lists of numbers are numbered from 1."""
    rows = []
    for seed in result["seeds"]:
        row: dict[str, Any] = {}
        for name, value in seed.items():
            if isinstance(value, (int, float, str)) or value is None:
                row[name] = value
            elif isinstance(value, list) and value and all(isinstance(one, (int, float)) for one in value):
                row.update({f"{name.removesuffix('s')}_{i + 1}": one for i, one in enumerate(value)})
        rows.append(row)
    return rows


def export_table(result: dict[str, Any], path: pathlib.Path) -> None:
    """Write the seeds to ``path``: every number as CSV, or the table of the report as LaTeX."""
    if path.suffix == ".tex":
        headings, shown = result_table(result)
        lines = [" & ".join(map(_latex, row)) + r" \\" for row in (headings, *shown)]
        lines.insert(1, r"\hline")
        body = "\n".join(lines)
        write_text(path, f"\\begin{{tabular}}{{{'r' * len(headings)}}}\n{body}\n\\end{{tabular}}\n")
        return
    rows, stream = rows_of(result), io.StringIO()
    columns = list(dict.fromkeys(name for row in rows for name in row))
    writer = csv.DictWriter(stream, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, stream.getvalue())


def export_figure(
    directory: RunDirectory, result: dict[str, Any], entry: dict[str, Any], path: pathlib.Path, name: str | None
) -> str:
    """Write one figure to ``path``; returns its name. By default it is the leader's payoff while learning.

    Raises:
      InputError: there is no figure of that ``name``; says which there are.
    """
    found = {short: figure for short, _, figure in learning_figures(metrics.read(directory.metrics), result)}
    for k, picture in enumerate(entry.get("pictures", [])):
        found["picture" if k == 0 else f"picture-{k + 1}"] = figure_of(picture)
    chosen = name or next(iter(found))
    if chosen not in found:
        raise InputError(f"figure={chosen!r} must be one of {', '.join(found)}.{near_matches(chosen, found)}")
    figure, stream = in_black(found[chosen]), io.BytesIO()
    with styled(**{"svg.hashsalt": chosen, "pdf.fonttype": 42}):
        figure.savefig(stream, format=path.suffix[1:], metadata=dict.fromkeys(DATES[path.suffix]))
    write_bytes(path, stream.getvalue())
    return chosen


DATES = {".svg": ("Date", "Creator"), ".pdf": ("CreationDate", "Producer", "Creator")}


def _latex(text: str) -> str:
    return "".join(ESCAPES.get(letter, letter) for letter in text)
