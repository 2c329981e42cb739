"""Every formula of docs/mathematics.md, evaluated as it is written there on small games, is what the code works out."""

import pathlib
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import stackjax as sx
from stackjax.bayesian.followers.multiplicative_weights import multiplicative_weights
from stackjax.markov.answers import Length, best_values
from stackjax.markov.game import InducedMarkovGame
from stackjax.menus.problem import MenuProblem

PAGE = (pathlib.Path(__file__).parent.parent / "docs/mathematics.md").read_text(encoding="utf-8")
RNG = np.random.default_rng(0)
TYPES, ACTIONS = (2, 3), (3, 2)
PRIOR = RNG.dirichlet(np.ones(6)).reshape(TYPES)
PAYOFFS = RNG.normal(size=(2, *TYPES, *ACTIONS))
LEADER = RNG.normal(size=(*TYPES, *ACTIONS))
PLAY = RNG.dirichlet(np.ones(6), TYPES).reshape(*TYPES, *ACTIONS)
GAME = sx.followers.induced_game(PRIOR, PAYOFFS, LEADER)
EVERY_TYPE, EVERY_ACTION = list(np.ndindex(TYPES)), list(np.ndindex(ACTIONS))


def gain(i, types, actions, other):
    """Δ_i(a')."""
    moved = tuple(other if j == i else a for j, a in enumerate(actions))
    return PAYOFFS[(i, *types, *moved)] - PAYOFFS[(i, *types, *actions)]


def with_own(i, own):
    return [types for types in EVERY_TYPE if types[i] == own]


def given(i, types):
    """π(θ_{-i} | θ_i)."""
    return PRIOR[types] / sum(PRIOR[other] for other in with_own(i, types[i]))


def bcce():
    expected = lambda i, own, other: sum(
        given(i, types) * sum(PLAY[(*types, *a)] * gain(i, types, a, other) for a in EVERY_ACTION) for types in with_own(i, own)
    )
    return max(max(expected(i, own, b) for b in range(ACTIONS[i])) for i in range(2) for own in range(TYPES[i]))


def cce():
    expected = lambda i, own, other: sum(
        PRIOR[types] * sum(PLAY[(*types, *a)] * gain(i, types, a, other) for a in EVERY_ACTION) for types in with_own(i, own)
    )
    return max(sum(max(expected(i, own, b) for b in range(ACTIONS[i])) for own in range(TYPES[i])) for i in range(2))


def ce():
    expected = lambda i, own, advised, other: sum(
        given(i, types) * sum(PLAY[(*types, *a)] * gain(i, types, a, other) for a in EVERY_ACTION if a[i] == advised)
        for types in with_own(i, own)
    )
    each = lambda i, own, advised: max(expected(i, own, advised, other) for other in range(ACTIONS[i]))
    return max(sum(each(i, own, a) for a in range(ACTIONS[i])) for i in range(2) for own in range(TYPES[i]))


def leaders_payoff():
    return sum(PRIOR[types] * sum(PLAY[(*types, *a)] * LEADER[(*types, *a)] for a in EVERY_ACTION) for types in EVERY_TYPE)


def one_round_of_weights():
    epsilon, scale, strategy = 0.3, 2.0, np.array([0.2, 0.5, 0.3])
    paid = np.array([1.0, -0.5, 2.0])
    weights = strategy * (1 + epsilon) ** (paid / scale)
    rule = multiplicative_weights(epsilon)
    state = rule.init(3, ())._replace(log_weights=jnp.log(strategy / strategy.max()))
    found = rule.play(rule.update(state, jnp.asarray(paid / scale, jnp.float32), jnp.int32(0)))
    np.testing.assert_allclose(found, weights / weights.sum(), atol=1e-6)


def bellmans_equation():
    """Rewards are expected over outcomes in the code: r is the same for all k here."""
    states, actions, outcomes, gamma, steps = 3, 2, 2, 0.9, 4
    successor = RNG.integers(states, size=(states, actions, outcomes))
    chances = RNG.dirichlet(np.ones(outcomes), (states, actions))
    reward = RNG.normal(size=(states, actions))
    values = np.zeros(states)
    for _ in range(steps):
        ahead = lambda s, a, v=values: sum(
            chances[s, a, k] * (reward[s, a] + gamma * v[successor[s, a, k]]) for k in range(outcomes)
        )
        values = np.array([max(ahead(s, a) for a in range(actions)) for s in range(states)])
    to_one = lambda array: jnp.asarray(array, jnp.float32)
    game = InducedMarkovGame(successor, np.eye(states)[0], to_one(chances), to_one(reward[None]), to_one(np.zeros_like(reward)))
    np.testing.assert_allclose(best_values(game, Length(steps, gamma, 1.0)), values[0], rtol=1e-5)


def softened_profit():
    problem = MenuProblem(sx.make("market-maker"))
    commitment, key, sharpness = problem.commitments.draw(jax.random.key(0), 1)[0], jax.random.key(1), 3.0
    allocations, prices, _ = (np.asarray(part, np.float64) for part in problem._options(commitment))
    beta, cost = sharpness / problem.game.scale, problem.game.cost
    profits = []
    for x in np.asarray(problem._types(key), np.float64):
        chances = np.exp(beta * (allocations @ x - prices))
        profits.append((chances / chances.sum()) @ (prices - allocations @ cost))
    found = problem.differentiable.payoff(key, commitment, jnp.float32(sharpness))
    np.testing.assert_allclose(found, np.mean(profits), rtol=1e-4, atol=1e-6)


def certificate():
    return sx.certify(GAME, jnp.asarray(PLAY))


FORMULAS = {
    r"\max_{i, \theta_i} \max_{a'} \sum_{\theta_{-i}} \pi(\theta_{-i} \mid \theta_i) \sum_a "
    r"\mu(a \mid \theta)\, \Delta_i(a')": (lambda: np.testing.assert_allclose(certificate().bcce_gap, bcce(), rtol=1e-5)),
    r"\max_i \sum_{\theta_i} \max_{a'} \sum_{\theta_{-i}} \pi(\theta) \sum_a \mu(a \mid \theta)\, \Delta_i(a')": (
        lambda: np.testing.assert_allclose(certificate().cce_gap, cce(), rtol=1e-5)
    ),
    r"\max_{i, \theta_i} \sum_{a_i} \max_{a'} \sum_{\theta_{-i}} \pi(\theta_{-i} \mid \theta_i) \sum_{a_{-i}} "
    r"\mu(a \mid \theta)\, \Delta_i(a')": lambda: np.testing.assert_allclose(certificate().ce_gap, ce(), rtol=1e-5),
    r"\max_x \; \sum_\theta \pi(\theta) \sum_a \mu(a \mid \theta; x)\, u_0(\theta, a; x).": (
        lambda: np.testing.assert_allclose(certificate().leader_payoff, leaders_payoff(), rtol=1e-5)
    ),
    r"p_i^{t+1}(a \mid \theta_i) \propto p_i^{t}(a \mid \theta_i)\, (1 + \varepsilon)^{u_i(\theta^t, (a, a_{-i}^t); x) / c}": (
        one_round_of_weights
    ),
    r"V(s) = \max_a \sum_k P(k \mid s, a, x_s)\,[r(s, a, x_s, k) + \gamma V(s')]": bellmans_equation,
    r"\mathbb{E} \sum_k \mathrm{softmax}_k(\beta (a_k \cdot x - p_k))\,(p_k - c \cdot a_k)": softened_profit,
}
DEFINITIONS = {r"\Delta_i(a') = u_i(\theta, (a', a_{-i})) - u_i(\theta, a)", r"\theta = (\theta_1, \dots, \theta_N)"}


def test_the_page_has_these_formulas_and_no_others():
    """A formula is longer than 40 letters, or has an equals sign."""
    written = [" ".join(found.split()) for found in re.findall(r"\$\$(.+?)\$\$", PAGE, re.DOTALL)]
    written += re.findall(r"(?<!\$)\$([^$\n]+)\$(?!\$)", re.sub(r"\$\$.+?\$\$", "", PAGE, flags=re.DOTALL))
    formulas = {text for text in written if len(text) > 40 or "=" in text}
    assert formulas - DEFINITIONS == set(FORMULAS)
    assert formulas >= DEFINITIONS


@pytest.mark.parametrize("formula", FORMULAS)
def test_a_formula_is_what_the_code_works_out(formula):
    FORMULAS[formula]()
