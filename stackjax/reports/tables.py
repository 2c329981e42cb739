"""Tables in files: values as CSV, words as LaTeX."""

import csv
import io
from typing import Any

__all__ = ["as_csv", "as_latex", "rows_of"]

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


def as_csv(rows: list[dict[str, Any]]) -> str:
    """Numbers in full, nothing where there is none."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(dict.fromkeys(name for row in rows for name in row)), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


def as_latex(headings: list[str], rows: list[list[str]]) -> str:
    """A ``tabular`` of cells as they are."""
    latex = lambda text: "".join(ESCAPES.get(letter, letter) for letter in text)
    lines = [" & ".join(map(latex, row)) + r" \\" for row in (headings, *rows)]
    body = "\n".join([lines[0], r"\hline", *lines[1:]])
    return f"\\begin{{tabular}}{{{'r' * len(headings)}}}\n{body}\n\\end{{tabular}}\n"
