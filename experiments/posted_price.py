"""Sequential posted prices with messages (Brero et al. 2023, Figure 4): step path and committed path, both critics."""

import numpy as np

import stackjax as sx
from toolkit.figures import BLUE, ORANGE, label_ends, learning_curve, new_figure, reference_line, wall_clock
from toolkit.results import Experiment
from toolkit.settings import Settings, run
from toolkit.statistics import difference, with_interval
from toolkit.training import QUICK_UPDATES, Run, paper_lengths, step_path, train, train_default

GAME = "posted-price-pi"
CRITICS = {"weights": ("with tables", BLUE), "none": ("plain PPO", ORANGE)}
DECISIONS = 2_400_000
PATHS = {"step": "step path, the paper's lengths", "committed": "committed path, T = 1000"}


def train_one(settings: Settings, path: str, critic: str) -> Run:
    name = f"{GAME}-{path}-{critic}"
    if path == "committed" and critic == "weights":
        return train_default(settings, GAME)
    if path == "committed":
        updates = settings.few(sx.PPOConfig().num_updates, QUICK_UPDATES)
        return train(settings, name, GAME, critic_inputs=critic, num_updates=updates)
    lengths, episode = paper_lengths(GAME)
    decisions = settings.few(DECISIONS, DECISIONS // 64)
    # An agent who is visited first and buys ends a play after one decision, so that episodes take about 0.75 of the most.
    training = step_path(decisions, num_envs=32, num_steps=episode * 3 // 4)
    return train(settings, name, GAME, pomdp=lengths, critic_inputs=critic, gae_lambda=1.0, **training)


def main(settings: Settings) -> None:
    experiment = Experiment("posted_price", settings)
    without = sx.solve(sx.make(GAME, num_messages=1))
    runs = {(path, critic): train_one(settings, path, critic) for path in PATHS for critic in CRITICS}
    figure, panels = new_figure(rows=len(PATHS))
    for (path, title), (axes,) in zip(PATHS.items(), panels, strict=True):
        ends = []
        for style, (critic, (label, colour)) in enumerate(CRITICS.items()):
            curve = runs[path, critic].curve("greedy_payoff")
            ends.append((*learning_curve(axes, curve, colour, style, scale=1e6), label, colour))
        axes.set(title=title, ylabel="welfare loss, greedy", xlabel="leader decisions per seed (millions)", ylim=(-0.62, 0.2))
        reference_line(axes, 0.0, "optimum with messages")
        reference_line(axes, without.value, f"best without messages, {without.value:.3g}", above=False)
        wall_clock(axes, runs[path, "weights"].curve("greedy_payoff"), scale=1e6)
        label_ends(axes, ends)

    for path, title in PATHS.items():
        seen, plain = runs[path, "weights"], runs[path, "none"]
        experiment.claim(
            "Fig. 4" if path == "step" else "beyond",
            f"MAPPO reaches the optimal welfare loss 0 (without messages at best -0.15): {title}",
            f"{with_interval(seen.payoffs)}, {seen.at_optimum().sum()} of {len(seen.payoffs)} seeds lose nothing (plain PPO "
            f"{with_interval(plain.payoffs)}, {plain.at_optimum().sum()} seeds); largest B-CCE gap {seen.gaps.max():.2g}; "
            f"without messages {without.value:.4g} ({without.method})",
            seen.at_optimum().mean() >= 0.9 and abs(without.value + 0.15) < 1e-6,
            f"{seen.episodes:,} episodes a seed",
        )
    late = {critic: runs["step", critic].curve("greedy_payoff").late() for critic in CRITICS}
    last = {critic: runs["step", critic].curve("greedy_payoff").values[-1] for critic in CRITICS}
    lossless = {critic: (values > -1e-6).sum() for critic, values in last.items()}
    apart = difference(late["weights"], late["none"])
    experiment.claim(
        "Fig. 4",
        "PPO is still not stable at the end of the training run, where MAPPO outperforms it",
        f"last quarter of training, step path: with tables {with_interval(late['weights'], np.mean)}, plain PPO "
        f"{with_interval(late['none'], np.mean)}, difference {apart[0]:.2g} [{apart[1]:.2g}, {apart[2]:.2g}]",
        apart[1] > 0 and late["weights"].mean() > without.value,
        f"at the last evaluation {lossless['weights']} (with tables) and {lossless['none']} (plain) of {settings.seeds} seeds "
        "lose nothing: neither has settled. λ = 1 in advantage estimation, as credit has to reach across 1000 decisions",
    )
    data = {
        f"{path}, {critic}": {
            "leader_payoff": found.payoffs, "bcce_gap": found.gaps, "curve": found.curve("greedy_payoff")._asdict()
        }
        for (path, critic), found in runs.items()
    }  # fmt: skip
    experiment.write(figure, {**data, "best_without_messages": without.value})


if __name__ == "__main__":
    run(main)
