"""What 8, 64 and 1024 GPUs would do: a roofline for each step of an update, from what XLA says the steps cost.

``posted-price-uniform`` with 6 types and 2 messages, a million episodes an update. The work of an episode is counted by XLA's
cost analysis of the compiled steps (bytes to and from memory, floating-point operations), the exchange by ``scaling.py``; what
devices can do is from their data sheets. Nothing here is a measurement on a GPU: ``docs/scaling.md`` names every assumption.
"""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

import stackjax as sx
from stackjax.followers.equilibrate import equilibrate
from stackjax.pomdp.commitment import tabulate_batch
from stackjax.ppo.agent import make_agent
from stackjax.ppo.train import batch_size

EPISODES = 2**20
SAMPLE = 512  # episodes whose cost is analysed
BANDWIDTH_SHARE, FLOPS_SHARE = 0.5, 0.2  # of the data sheet's that such code reaches
LAUNCH_SECONDS, KERNELS_PER_ROUND = 3e-6, 12  # of a scan's round
RING_SECONDS, HOP_SECONDS = 15e-6, 10e-6  # an all-reduce inside a node, and for each doubling of nodes


class Device(NamedTuple):
    """Data sheet: float32 operations and bytes a second, gigabytes of memory, bytes a second to peers and to other nodes."""

    name: str
    flops: float
    bandwidth: float
    memory_gb: float
    inside: float
    between: float
    per_node: int = 8


DEVICES = (
    Device("A100 80 GB", 19.5e12, 2.0e12, 80, 300e9, 25e9),
    Device("H100 SXM", 67e12, 3.35e12, 80, 450e9, 50e9),
    Device("H200", 67e12, 4.8e12, 141, 450e9, 50e9),
)


class Work(NamedTuple):
    """Of one episode: bytes and operations of a round, of tabulating and of learning; floats of its decisions; parameters."""

    round_bytes: float
    round_flops: float
    table_bytes: float
    table_flops: float
    learn_flops: float
    learn_bytes: float
    batch_bytes: float
    state_bytes: float
    parameters: int


def count_work() -> tuple[Work, sx.StackelbergPOMDP, sx.PPOConfig]:
    game = sx.make("posted-price-uniform", num_types=6, num_messages=2)
    env, config = sx.StackelbergPOMDP(game), sx.PPOConfig(num_envs=SAMPLE)
    actions = jnp.zeros((SAMPLE, env.tree.num_nodes, *game.leader_actions.shape))
    table = jax.jit(lambda a: tabulate_batch(game, env.tree, a)).lower(actions).compile()
    induced = jax.eval_shape(lambda a: tabulate_batch(game, env.tree, a).game.follower_payoffs, actions)
    payoffs = jnp.zeros(induced.shape)

    def rounds(count: int) -> dict[str, float]:
        run = lambda p: (
            equilibrate(
                jax.random.key(0), sx.InducedGame(game.type_prior, p, p[0]), env.dynamics, count, kernel="scan"
            ).strategies
        )
        return jax.jit(run).lower(payoffs).compile().cost_analysis()

    one = rounds(2)  # XLA counts a loop's body once
    agent = make_agent(env, config)
    params = jax.eval_shape(agent.init, jax.random.key(0))
    parameters = sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(params))
    decisions = batch_size(env, config) / SAMPLE
    features = 54  # floats of a decision: observation, critic's input, choice and five scalars, as scaling.py's gather shows
    cost: dict[str, Any] = table.cost_analysis()
    work = Work(
        round_bytes=one["bytes accessed"] / SAMPLE,
        round_flops=one["flops"] / SAMPLE,
        table_bytes=cost["bytes accessed"] / SAMPLE,
        table_flops=cost["flops"] / SAMPLE,
        learn_flops=6.0 * parameters * decisions * config.num_epochs,
        learn_bytes=4.0 * decisions * config.num_epochs * (2 * features + 6 * 4 * 64),
        batch_bytes=4.0 * decisions * features,
        state_bytes=4.0 * (2 * math.prod(induced.shape[:-1]) + 2 * 2 * 6 * 2 + env.tree.num_nodes * 40),
        parameters=parameters,
    )
    return work, env, config


def seconds(
    device: Device, count: int, work: Work, num_rounds: int, steps: int, *, groups: bool, fused: bool
) -> dict[str, float]:
    """An update's time by part, on ``count`` devices."""
    share = EPISODES / count
    bandwidth, flops = BANDWIDTH_SHARE * device.bandwidth, FLOPS_SHARE * device.flops
    roof = lambda moved, done: max(share * moved / bandwidth, share * done / flops)
    nodes = max(1, count // device.per_node)
    link = device.inside if nodes == 1 else device.between
    gradient = 2.0 * (count - 1) / count * 4 * work.parameters / link
    latency = RING_SECONDS + HOP_SECONDS * math.log2(nodes)
    per_round = roof(0.0 if fused else work.round_bytes, work.round_flops)
    launches = 0.0 if fused else LAUNCH_SECONDS * KERNELS_PER_ROUND
    gathered = 0.0 if groups else (count - 1) / count * EPISODES * work.batch_bytes / link
    return {
        "followers": num_rounds * max(per_round, launches),
        "tables": roof(work.table_bytes, work.table_flops),
        "learning": max(roof(work.learn_bytes, work.learn_flops), steps * 30 * LAUNCH_SECONDS),
        "exchange": steps * (gradient + latency) + gathered,
    }


def main() -> None:
    work, env, config = count_work()
    steps = config.num_epochs * config.num_minibatches
    print(f"of an episode: {work}\n")
    columns = [
        "device",
        "GPUs",
        "rounds",
        "groups",
        "followers",
        "tables",
        "learning",
        "exchange",
        "update",
        "episodes/s",
        "efficiency",
    ]
    print("| " + " | ".join(columns) + " |\n" + "|---" * len(columns) + "|")
    for device in DEVICES:
        for fused, groups in ((False, False), (False, True), (True, True)):
            first = None
            for count in (8, 64, 1024):
                parts = seconds(device, count, work, env.num_rounds, steps, groups=groups, fused=fused)
                total = sum(parts.values())
                first = first or total * count
                times = [f"{1e3 * part:.3g} ms" for part in (*parts.values(), total)]
                kind = ["fused" if fused else "scan", "one per device" if groups else "1"]
                row = [device.name, count, *kind, *times, f"{EPISODES / total:.2g}", f"{first / total / count:.0%}"]
                print("| " + " | ".join(map(str, row)) + " |")
    per_device = EPISODES * (work.state_bytes + work.table_bytes) / 8 / 1e9
    batch = EPISODES * work.batch_bytes / 1e9
    print(f"\nmemory on each of 8 devices: about {per_device:.1f} GB for tables; {batch:.2f} GB for a batch that all exchange")


if __name__ == "__main__":
    main()
