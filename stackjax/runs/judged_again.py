"""A finished run's commitments judged by other settings than its own."""

from typing import Any

import jax
import jax.numpy as jnp

from stackjax.claims import distance, verified
from stackjax.disk.directory import RunDirectory
from stackjax.disk.policies import read_arrays
from stackjax.errors import require
from stackjax.reports.display import best_seed, number, optimum_in_words, size_of
from stackjax.runs.commitments import commitments_in
from stackjax.runs.game_tables import check_tables
from stackjax.specs.run import RunSpec

__all__ = ["judged_again"]

NEAR, NEAR_IN_RANGE = 0.01, 0.001  # shares of a payoff, and of the range of payoffs, that are no difference


def judged_again(directory: RunDirectory, spec: RunSpec, seed: int, *, same_settings: bool) -> dict[str, Any]:
    """What the commitments in ``directory`` are worth to the followers of ``spec``; the run stays as it is.

    Args:
      spec: the run's, with other settings of its family.
      seed: of the followers' draws.
      same_settings: whether they are the run's own, so that what the run worked out beforehand still holds.

    Raises:
      InputError: the run is not finished, or its commitments are none of this game.
    """
    require("judge_seed", seed, 0 <= seed < 2**31, "at least 0 and below 2**31")
    result, arrays = directory.read_result(), read_arrays(directory.followers)
    problem = spec.build_problem(arrays if same_settings else None)
    check_tables(directory, spec, problem)
    made = commitments_in(directory, result, problem)
    judge = lambda key, commitment: problem.judge(key, commitment, problem.num_groups)
    keys = jax.random.split(jax.random.key(seed), len(made))
    judged = jax.device_get(jax.jit(lambda keys, made: jax.lax.map(lambda pair: judge(*pair), (keys, made)))(keys, made))
    names, optimum = [f"seed {entry['seed']}" for entry in result["seeds"]], verified(problem, problem.optimum())
    seeds = []
    for entry, words in zip(result["seeds"], problem.describe(judged, jnp.asarray(made), names), strict=True):
        seeds.append(
            {
                "seed": entry["seed"],
                **words,
                "settled": words[problem.gap_name] <= problem.settled_gap,
                "optimum": None if optimum is None else optimum.value,
                "optimum_method": None if optimum is None else optimum.method,
                "optimality_gap": distance(problem, optimum, words),
            }
        )
    found = {
        "game": problem.name,
        "game_options": spec.game_options,
        "judge_seed": seed,
        "settings": spec.family.resolved(problem, spec.settings),
        "evaluation": {**problem.evaluation_method(), "num_equilibrations": problem.num_groups},
        "gap_name": problem.gap_name,
        "payoff_range": list(problem.payoff_range),
        "columns": problem.columns,
        "seeds": seeds,
    }
    return {**found, "warnings": _other_best(best_seed(result), found)}


def _other_best(chosen: dict[str, Any], found: dict[str, Any]) -> list[str]:
    """That the commitment which the run would settle on is not near the best to these followers; or nothing."""
    seeds = {entry["seed"]: entry for entry in found["seeds"]}
    best, payoff = best_seed(found), seeds[chosen["seed"]]["leader_payoff"]
    near = max(NEAR * abs(best["leader_payoff"]), NEAR_IN_RANGE * size_of(found))
    drops = chosen["leader_payoff"] - payoff > near
    missing = [
        (best["leader_payoff"], f"that of seed {best['seed']} pays {number(best['leader_payoff'])}"),
        (best["optimum"], f"the best pays {optimum_in_words(found)}"),
    ]
    if best["optimum_method"] == "upper-bound":  # whether any commitment pays it is not known
        missing[1] = (best["optimum"] if drops else None, f"{number(chosen['leader_payoff'])} against those of the run")
    words = [text for value, text in missing if value is not None and value - payoff > near]
    if not words:
        return []
    return [
        f"the commitment of seed {chosen['seed']}, which the run would settle on, pays {number(payoff)} with these followers, "
        f"but {words[0]}: which commitment is best depends on how followers answer"
    ]
