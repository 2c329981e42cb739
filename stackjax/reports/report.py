"""``report.html``: one self-contained page with the result table, the learning curves of all seeds and the mechanism."""

import base64
import html
import io
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from stackjax.disk import metrics
from stackjax.disk.directory import RunDirectory
from stackjax.disk.files import write_text
from stackjax.reports.display import (
    best_seed,
    optimum_in_words,
    polished_in_words,
    result_table,
    stopped_in_words,
    unsettled_in_words,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["learning_curves", "write_report"]

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
table { border-collapse: collapse } th, td { padding: .2rem .8rem; text-align: right; border-bottom: 1px solid #ddd }
img { max-width: 100% } pre { background: #f6f6f6; padding: 1rem; overflow-x: auto; font-size: 14px }
"""
COMMON = {"update", "configuration", "seed", "seconds", "stackelberg_episodes", "leader_decisions", "diverged_at"}


def write_report(directory: RunDirectory, result: dict[str, Any]) -> None:
    """Write the page from ``result.json``'s content and the run's metrics."""
    picture = base64.b64encode(learning_curves(metrics.read(directory.metrics), result)).decode()
    headings, cells = result_table(result)
    header, rows = _row("th", headings), "".join(_row("td", row) for row in cells)
    best = best_seed(result)
    words = [f"What seed {best['seed']} learned:", *(f"  {line}" for line in best["mechanism"])]
    if best["follower_play"]:
        words += ["What followers answer:", *(f"  {line}" for line in best["follower_play"])]
    remarks = stopped_in_words(result), polished_in_words(result), unsettled_in_words(result)
    options = ", ".join(f"{key} = {value}" for key, value in result["game_options"].items())
    regions = _regions(best.get("regions", {}))
    seconds, evaluation = result["wall_seconds"], result["evaluation"]
    page = f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(result["game"])}</title>
<style>{STYLE}</style></head><body>
<h1>{html.escape(result["game"])}</h1>
<p>{html.escape(options)}</p>
<p>Optimum: {html.escape(optimum_in_words(result))}, in game units.</p>
<table><thead>{header}</thead><tbody>{rows}</tbody></table>
<p>{html.escape(" ".join(filter(None, remarks)))}</p>
<p>Greedy leader, {evaluation["num_equilibrations"]} groups of fresh followers {html.escape(evaluation["words"])}; payoffs are
means over groups, gaps the worst.</p>
<h2>Learning curves</h2><img alt="learning curves" src="data:image/png;base64,{picture}">
<h2>Mechanism</h2><pre>{html.escape(chr(10).join(words))}</pre>{regions}
<p>compile {seconds["compile"]:.1f} s, train {seconds["train"]:.1f} s, evaluate {seconds["evaluate"]:.1f} s on
{html.escape(result["device"])}; {html.escape(", ".join(f"{k} {v}" for k, v in result["versions"].items()))}</p>
</body></html>
"""
    write_text(directory.report, page)


def _row(tag: str, cells: Iterable[str]) -> str:
    return "<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells) + "</tr>"


def _regions(drawn: dict[str, Any]) -> str:
    """What a commitment divides a plane into, as an image with labels; nothing where there are no polygons."""
    if not drawn.get("polygons"):
        return ""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 5), layout="constrained")
    axes = figure.subplots()
    for i, polygon in enumerate(drawn["polygons"]):
        corners = polygon["corners"]
        axes.fill(*zip(*corners, strict=True), facecolor=f"C{i % 10}", alpha=0.25, edgecolor="#444444", linewidth=1)
        x, y = (sum(place) / len(corners) for place in zip(*corners, strict=True))
        axes.annotate(polygon["label"], (x, y), ha="center", va="center", fontsize=8)
    axes.set(xlabel=drawn["axes"][0], ylabel=drawn["axes"][1], title="What each type takes, and its price")
    return f'<img alt="what each type takes" src="data:image/png;base64,{base64.b64encode(_png(figure)).decode()}">'


def learning_curves(rows: list[dict[str, Any]], result: dict[str, Any]) -> bytes:
    """A PNG with one line per seed in each panel, and the optimum where it is known."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 6), layout="constrained")
    optimum = result["seeds"][0]["optimum"]
    gap_name = result["gap_name"]
    titles = {
        "greedy_payoff": "leader payoff, greedy (game units)",
        gap_name: f"{result['columns'][gap_name]}, greedy (game units)",
        "mean_return": "mean return in training (game units)",
    }
    own = [name for name in (rows[0] if rows else {}) if name not in COMMON | titles.keys()]
    panels = [
        *titles.items(),
        *((name, name.replace("_", " ")) for name in own[:1]),
    ]  # the first that the solver tells of itself
    for axes, (name, title) in zip(figure.subplots(2, 2).flat, panels, strict=False):
        for seed in result["seeds"]:
            points = [(row["stackelberg_episodes"], row[name]) for row in rows if row["seed"] == seed["seed"]]
            kept = [(x, y) for x, y in points if y is not None]
            axes.plot([x for x, _ in kept], [y for _, y in kept], color="#0072B2", alpha=0.5, linewidth=1)
        if optimum is not None and "payoff" in name:
            axes.axhline(optimum, color="#D55E00", linewidth=1, linestyle="--")
            axes.annotate("optimum", (0.99, optimum), xycoords=("axes fraction", "data"), color="#D55E00", ha="right", va="top")
        heights = [row[name] for row in rows if row[name] is not None]
        if name in own and heights and min(heights) > 0 and max(heights) > 10 * min(heights):
            axes.set_yscale("log")
        axes.set_title(title, fontsize=10)
        axes.set_xlabel("Stackelberg episodes", fontsize=9)
        axes.spines[["top", "right"]].set_visible(False)
    return _png(figure)


def _png(figure: "Figure") -> bytes:
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=110)
    return picture.getvalue()
