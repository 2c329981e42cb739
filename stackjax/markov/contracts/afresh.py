"""What a principal gets who does not commit but chooses afresh in every state, for what can be said beside commitments."""

import jax
import numpy as np

from stackjax.compiler import compiler_options
from stackjax.digits import as_known
from stackjax.families import Solved
from stackjax.markov.contracts.equilibrium import Equilibrium, alternate, subgame_perfect
from stackjax.markov.contracts.learned import judge_contracts
from stackjax.markov.contracts.process import PrincipalAgentMDP

__all__ = ["AFRESH", "equilibrium_of", "shown"]

AFRESH = "for a principal who chooses afresh in every state"


def equilibrium_of(process: PrincipalAgentMDP) -> Equilibrium:
    """`subgame_perfect` in float64, as NumPy arrays."""
    with jax.enable_x64(True):
        solve = jax.jit(lambda: subgame_perfect(process), compiler_options=compiler_options(runs_once=True))
        return jax.tree.map(np.asarray, solve())


def shown(found: Equilibrium, process: PrincipalAgentMDP, max_payment: float) -> Solved:
    """The equilibrium of ``process`` for ``stackjax solve``: its value, by an exact best response, and by turns.

    ``max_payment``, the largest payment of the game, does not bind it, which is told.
    """
    with jax.enable_x64(True):
        turns = alternate(process)
        judged, by_turns = judge_contracts(found, process), float(turns.equilibrium.principal[0])
    value, agent, most = float(found.principal[0]), float(found.agent[0]), float(found.payments.max())
    content = {
        "value": value,
        "agent": agent,
        "actions": found.action.tolist(),
        "payments": found.payments.tolist(),
        "judged": judged._asdict(),
        "alternate": {"value": by_turns, "rounds": turns.rounds, "converged": turns.converged},
    }
    ends = "stay the same after" if turns.converged else "still change after"
    words = [
        f"subgame-perfect equilibrium, {AFRESH}: {as_known(value)}, the agent {as_known(agent)}",
        f"  its payments, judged by an agent that answers best: {as_known(judged.principal)}; the agent does what is wanted in "
        f"{judged.followed:.0%} of states",
        f"  agent and principal who take turns: {as_known(by_turns)}; contracts {ends} {turns.rounds} rounds",
    ]
    if most > max_payment:
        words.append(f"  it pays up to {as_known(most)}, and the game no more than {as_known(max_payment)}")
    return Solved(value, "subgame-perfect", content, words)
