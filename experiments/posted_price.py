"""Sequential posted prices with messages (Brero et al. 2023, Figure 4): step path and committed path, both critics."""

import numpy as np

import stackjax as sx
from toolkit.figures import BLUE, ORANGE, label_ends, learning_curve, new_figure, reference_line, wall_clock
from toolkit.intervals import with_interval
from toolkit.results import Experiment
from toolkit.settings import Settings, run
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
    decisions = settings.few(DECISIONS, DECISIONS // 8)
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

    seen, plain = runs["committed", "weights"], runs["committed", "none"]
    at_it = (seen.payoffs > -1e-6).sum()
    experiment.claim(
        "Fig. 4",
        "MAPPO reaches an optimal performance (welfare loss 0; without messages at best -0.15)",
        f"{with_interval(seen.payoffs)}, {at_it} of {len(seen.payoffs)} seeds lose nothing; without messages "
        f"{without.value:.4g} ({without.method}); largest B-CCE gap {seen.gaps.max():.2g}",
        at_it >= 0.9 * len(seen.payoffs) and abs(without.value + 0.15) < 1e-6,
    )
    late = {
        critic: found.curve("greedy_payoff").values[-10:].mean(axis=0)
        for (path, critic), found in runs.items()
        if path == "step"
    }
    best = {critic: runs["step", critic].payoffs for critic in CRITICS}
    experiment.claim(
        "Fig. 4",
        "PPO is still not stable at the end of the training run",
        f"step path, last quarter of training: plain PPO {with_interval(late['none'])}, with tables "
        f"{with_interval(late['weights'])}; best commitment met: plain {with_interval(best['none'])}, with tables "
        f"{with_interval(best['weights'])}",
        np.mean(late["none"]) < np.mean(late["weights"]) - 0.01,
        f"on the committed path, with {plain.episodes:,} episodes a seed, plain PPO reaches {with_interval(plain.payoffs)}",
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
