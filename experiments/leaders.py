"""Leaders compared at equal numbers of Stackelberg episodes, from what ``benchmarks/leaders.py`` has measured.

That takes hours (``make bench-leaders``), so its figures are read, and not measured again.
"""

import json

import numpy as np

import stackjax as sx
from toolkit.figures import BLUE, GREY, ORANGE, new_figure
from toolkit.results import Experiment
from toolkit.settings import HERE, Settings, run

MEASURED = HERE.parent / "benchmarks" / "results" / "leaders-cpu.json"
COLOURS = {"search": GREY, "ppo": ORANGE, "direct": BLUE}
KINDS = {"independent": "payoffs independent", "at-odds": "at odds"}


def main(settings: Settings) -> None:
    experiment = Experiment("leaders", settings)
    if not MEASURED.is_file():
        raise sx.InputError(f"{MEASURED} does not exist; make bench-leaders writes it")
    rows = json.loads(MEASURED.read_text(encoding="utf-8"))["rows"]
    sizes = sorted({int(row["problem"].split()[0]) for row in rows if row["kind"] in KINDS})
    shares = {
        (kind, leader, size, word): np.concatenate(
            [row[word] for row in rows if (row["kind"], row["leader"], row["problem"].split()[0]) == (kind, leader, str(size))]
        )
        for kind in KINDS
        for leader in COLOURS
        for size in sizes
        for word in ("share", "learned")
    }
    of = lambda leader, word="share": [shares[kind, leader, size, word] for kind in KINDS for size in sizes]
    least = min(found.min() for found in of("direct"))
    seeds = len(shares["at-odds", "direct", sizes[0], "share"])
    experiment.claim(
        "beyond",
        "direct reaches the optimum of every random matrix game of 3 to 32 mixed rows, on every seed",
        f"least share {least:.4f} of {sum(map(len, of('direct')))} runs",
        least >= 0.999,
        f"five games a size, payoffs independent and at odds, {seeds // 5} seeds each",
        seeds=seeds // 5,
    )
    means = [found.mean() for found in of("ppo")]
    alone = [found.mean() for found in of("ppo", "learned")]
    gaps = [ppo.mean() - search.mean() for ppo, search in zip(of("ppo"), of("search"), strict=True)]
    experiment.claim(
        "beyond",
        "PPO with default settings, polished, gets 0.97 of the optimum in every kind and size, and no less than random search",
        f"least mean {min(means):.4f}; ahead of search by {min(gaps):.4f} to {max(gaps):.4f}",
        min(means) >= 0.97 and min(gaps) >= -0.005,
        f"before polishing the least mean is {min(alone):.4f}, as PPO's grid of {sx.PPOConfig().grid_points} points an entry "
        f"misses fine mixes: polishing the same commitments without a grid gives {means[int(np.argmin(alone))]:.4f}",
        seeds=seeds // 5,
    )
    posted = [row for row in rows if row["kind"] == "posted-price"]
    reached = {leader: sum(row["at_optimum"] for row in posted if row["leader"] == leader) for leader in COLOURS}
    sizes_seen = list(dict.fromkeys(row["problem"] for row in posted))
    total = len(sizes_seen) * len(posted[0]["share"])
    experiment.claim(
        "beyond",
        "direct loses nothing on posted prices with messages, uniform values, on every seed",
        f"{reached['direct']} of {total} runs; PPO {reached['ppo']}, search {reached['search']}",
        reached["direct"] == total,
        f"{len(sizes_seen)} sizes, from {sizes_seen[0]} to {sizes_seen[-1]}; 200 updates of direct, half of its default",
        seeds=len(posted[0]["share"]),
    )
    figure, (panels,) = new_figure(columns=2, height=2.1, sharey=True)
    for axes, (kind, words) in zip(panels, KINDS.items(), strict=True):
        for leader, colour in COLOURS.items():
            for word, style in (("share", "-"), ("learned", ":")):
                values = [shares[kind, leader, size, word].mean() for size in sizes]
                label = f"{leader}{', before polishing' if word == 'learned' else ''}"
                axes.plot(range(len(sizes)), values, style, marker="o", markersize=3, color=colour, label=label)
        axes.set_xticks(range(len(sizes)), [str(size) for size in sizes])
        axes.set(xlabel="rows and columns", title=words)
    panels[0].set_ylabel("share of the optimum")
    panels[0].legend(fontsize=5.5, frameon=False)
    experiment.write(figure, {"-".join(map(str, key)): {"mean": v.mean(), "least": v.min()} for key, v in shares.items()})


if __name__ == "__main__":
    run(main)
