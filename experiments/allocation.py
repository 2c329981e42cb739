"""Simple allocation mechanisms (Brero et al. 2023, Figures 3a and 3b): 1, 2 or 3 messages, with and without weight tables."""

import numpy as np

from toolkit.figures import BLUE, COLOURS, ORANGE, label_ends, learning_curve, new_figure, reference_line, wall_clock
from toolkit.intervals import with_interval
from toolkit.results import Experiment
from toolkit.settings import Settings, run
from toolkit.training import Run, paper_lengths, step_path, train

GAME = "allocation"
DECISIONS = {1: 300_000, 2: 600_000, 3: 1_600_000}  # per seed, by number of messages
LEARNING_RATE = 5e-3  # the library's 2e-3 gets there too, later


def train_one(settings: Settings, num_messages: int, critic: str) -> Run:
    options = {"num_messages": num_messages}
    lengths, episode = paper_lengths(GAME, options)
    decisions = DECISIONS[num_messages]
    training = step_path(settings.few(decisions, decisions // 4), num_envs=16, num_steps=episode)
    name = f"{GAME}-{num_messages}-{critic}"
    return train(
        settings, name, GAME, options=options, pomdp=lengths, critic_inputs=critic, learning_rate=LEARNING_RATE, **training
    )


def first_lasting(run: Run) -> float:
    """Leader decisions (median over seeds) from which on at least nine of ten later evaluations are optimal."""
    curve = run.curve("greedy_payoff")
    optimal = curve.values >= run.optimum - 1e-6
    lasting = [
        next((curve.decisions[k] for k in range(len(seed)) if seed[k] and seed[k:].mean() >= 0.9), np.inf) for seed in optimal.T
    ]
    return float(np.median(lasting))


def main(settings: Settings) -> None:
    experiment = Experiment("allocation", settings)
    sizes = settings.few(list(DECISIONS), [3])
    runs = {(m, critic): train_one(settings, m, critic) for m in sizes for critic in ("weights", "none")}
    figure, ((messages,), (critics,)) = new_figure(rows=2)
    ends = []
    for style, m in enumerate(sizes):
        curve = runs[m, "weights"].curve("greedy_payoff")
        ends.append((*learning_curve(messages, curve, COLOURS[style], style), f"m = {m}", COLOURS[style]))
        reference_line(messages, m / 3, "", above=False)
    messages.set(title="with weight tables, m messages", ylabel="leader payoff, greedy", ylim=(0, 1.25))
    label_ends(messages, ends)

    ends = []
    for style, (critic, label, colour) in enumerate([("weights", "with tables", BLUE), ("none", "plain PPO", ORANGE)]):
        ends.append((*learning_curve(critics, runs[3, critic].curve("greedy_payoff"), colour, style), label, colour))
    critics.set(xlabel="leader decisions per seed (thousands)", ylabel="leader payoff, greedy", ylim=(0, 1.25))
    critics.set_title("3 messages")
    reference_line(critics, 1.0, "optimum")
    wall_clock(critics, runs[3, "weights"].curve("greedy_payoff"))
    label_ends(critics, ends)

    for m in sizes:
        seen, plain = runs[m, "weights"], runs[m, "none"]
        at_it = (seen.payoffs >= seen.optimum - 1e-6).sum()
        experiment.claim(
            "Fig. 3a",
            f"with m = {m} MAPPO realizes the optimal payoff {m / 3:.4g}",
            f"{with_interval(seen.payoffs)}; {at_it} of {len(seen.payoffs)} seeds (plain PPO {with_interval(plain.payoffs)})",
            at_it >= 0.9 * len(seen.payoffs),
        )
    when = {critic: first_lasting(runs[3, critic]) for critic in ("weights", "none")}
    better = when["weights"] < 0.8 * when["none"]
    thousands = {critic: "never" if np.isinf(n) else f"{n / 1e3:.0f} thousand" for critic, n in when.items()}
    experiment.claim(
        "Fig. 3b",
        "MAPPO significantly outperforms PPO (m = 3)",
        f"median decisions until optimal for good: with tables {thousands['weights']}, plain PPO {thousands['none']}",
        better,
        ""
        if better
        else "a commitment stands for the whole episode, so once the tables show what it is worth, a critic that sees them "
        "leaves later decisions no advantage to learn from; plain PPO learns from every one of them",
    )
    data = {
        f"m = {m}, {critic}": {
            "leader_payoff": found.payoffs, "bcce_gap": found.gaps, "curve": found.curve("greedy_payoff")._asdict()
        }
        for (m, critic), found in runs.items()
    }  # fmt: skip
    experiment.write(figure, data)


if __name__ == "__main__":
    run(main)
