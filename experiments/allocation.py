"""Simple allocation mechanisms (Brero et al. 2023, Figures 3a and 3b): 1, 2 or 3 messages, with and without weight tables."""

from typing import Any

import numpy as np

from toolkit.figures import BLUE, COLOURS, ORANGE, label_ends, learning_curve, new_figure, reference_line, wall_clock
from toolkit.results import Experiment
from toolkit.settings import Settings, run
from toolkit.statistics import difference, with_interval
from toolkit.training import COMMITMENT_ALONE, Run, paper_lengths, step_path, train

GAME = "allocation"
DECISIONS = {1: 300_000, 2: 600_000, 3: 1_600_000}  # per seed, by number of messages
NAMES = {"weights": "with tables", "phase": "with the phase", "none": "plain PPO"}
LEARNING_RATE = 5e-3  # the library's 2e-3 gets there too, later


def train_one(settings: Settings, num_messages: int, critic: str, switch: str = "", **ppo: Any) -> Run:
    options = {"num_messages": num_messages}
    lengths, episode = paper_lengths(GAME, options)
    decisions = DECISIONS[num_messages]
    training = step_path(settings.few(decisions, decisions // 64), num_envs=16, num_steps=episode)
    name = f"{GAME}-{num_messages}-{critic}{switch}"
    ppo = {"learning_rate": LEARNING_RATE, **training, **ppo}
    return train(settings, name, GAME, options=options, pomdp=lengths, critic_inputs=critic, **ppo)


def until_optimal(runs: dict[str, Run]) -> tuple[str, np.ndarray]:
    """How many decisions each critic's leaders take until they stay at the optimum, in words, and how many times as many
    plain PPO takes as with tables, with its interval (geometric means).
    """
    when = {critic: run.curve("greedy_payoff").first_lasting(1.0 - 1e-6) for critic, run in runs.items()}
    longest = runs["none"].curve("greedy_payoff").decisions[-1]
    ahead = np.exp(difference(*(np.log(np.minimum(when[critic], longest)) for critic in ("none", "weights"))))
    medians = ", ".join(f"{NAMES[critic]} {np.median(n) / 1e3:.0f}" for critic, n in when.items())
    words = f"thousands of decisions until optimal in nine of ten evaluations to come, median: {medians}; "
    return words + f"plain PPO takes {ahead[0]:.2g} [{ahead[1]:.2g}, {ahead[2]:.2g}] times as long as with tables", ahead


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
        level = seen.optimum - 1e-6
        settled = (seen.curve("greedy_payoff").values[-1] >= level).sum()
        experiment.claim(
            "Fig. 3a",
            f"with m = {m} MAPPO always realizes the optimal payoff {m / 3:.4g} after a relatively short training phase",
            f"{with_interval(seen.payoffs)}; {seen.at_optimum().sum()} of {len(seen.payoffs)} seeds, {settled} at the last "
            f"evaluation; plain PPO {with_interval(plain.payoffs)}, {plain.at_optimum().sum()} seeds",
            seen.at_optimum().mean() >= 0.9,
            "every mechanism is worth 1/3 without a choice of messages" if m == 1 else "",
        )
    words, ahead = until_optimal({critic: runs[3, critic] for critic in ("weights", "none")})
    experiment.claim(
        "Fig. 3b",
        "MAPPO significantly outperforms PPO (m = 3)",
        words,
        ahead[1] > 1,
        ""
        if ahead[1] > 1
        else "because of the decisions that are credited: a critic whose tables have answered a commitment knows what it is "
        "worth, and leaves it no advantage to learn from. The next row credits the decision that makes the commitment alone",
    )
    critics = settings.few(["weights", "phase", "none"], ["weights", "none"])
    alone = {critic: train_one(settings, 3, critic, "-commitment", **COMMITMENT_ALONE) for critic in critics}
    words, ahead = until_optimal(alone)
    experiment.claim(
        "Fig. 3b",
        "the same (m = 3), only the decision that makes the commitment credited, λ = 1",
        words,
        ahead[1] > 1,
        ""
        if ahead[1] > 1
        else "every critic sees this decision before followers have answered it: that they have learned "
        "nothing yet is all that tables can show",
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
