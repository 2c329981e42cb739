"""Learners that draw: beside an event-by-event reference in law, scipy's test of counts, and what is known of their limits."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import chi2, chi2_contingency

import stackjax as sx
from stackjax.extensive import Chance, Decision, ExtensiveFollowers, Terminal
from stackjax.extensive.abcs import Branching, is_stationary
from stackjax.extensive.certificate import best_gains
from stackjax.extensive.games import small
from stackjax.extensive.games.kuhn import kuhn
from stackjax.extensive.games.leduc import leduc
from stackjax.extensive.induced import induce, plan_of, uniform
from stackjax.extensive.sampling import Boltzmann, ExternalSampling
from stackjax.extensive.turns import explored
from stackjax.extensive.walks import Walk, uniforms_of
from tests.extensive.test_trees import random_game
from tests.oracles import abcs as oracle
from tests.oracles import cfr
from tests.oracles import extensive as trees
from tests.oracles.max_cfr import max_cfr_turn

RPS = [[0.0, -1.0, 1.0], [1.0, 0.0, -2.0], [-1.0, 2.0, 0.0]]  # weighted rock, paper, scissors


def weighted_rps():
    def node(history):
        if len(history) < 2:
            return Decision(len(history), "here" if history else "there", ["r", "p", "s"])
        paid = RPS["rps".index(history[0])]["rps".index(history[1])]
        return Terminal((paid, -paid))

    return sx.extensive.game("wrps", players=("a", "b"), node=node)


def run(sampler, lanes, count, fixed=None, seed=0):
    """States of independent runs, the lane first."""
    keys = jax.random.split(jax.random.key(seed), lanes)
    given = {p: jnp.asarray(own, jnp.float32) for p, own in (fixed or {}).items()}
    return jax.jit(jax.vmap(lambda key: sampler.steps(sampler.start(jnp.float32), key, count, given)))(keys)


def kuhn_with(significance=0.05, **options):
    return Branching(kuhn(), (0, 1), significance=significance, **options)


@pytest.mark.parametrize("kinds", [2, *(pytest.param(kinds, marks=pytest.mark.long) for kinds in (3, 7))])
def test_verdicts_are_those_of_scipy(kinds):
    """Random tables of counts, some with columns that nobody saw; with two kinds Yates' correction."""
    rng = np.random.default_rng(kinds)
    shares = rng.dirichlet(np.ones(kinds), 3400)
    sizes = rng.integers(5, 300, (3400, 2))
    noise = rng.dirichlet(np.ones(kinds), 3400) * rng.uniform(0, 0.3, 3400)[:, None]
    other = (shares + noise) / (shares + noise).sum(axis=1, keepdims=True)
    counts = np.stack([rng.multinomial(sizes[:, 0], shares), rng.multinomial(sizes[:, 1], other)], axis=1)
    counts[: 3400 // 4, :, kinds // 2 :] *= rng.integers(0, 2, (850, 1, kinds - kinds // 2))
    counts[..., 0] += 1
    critical = np.concatenate([[np.inf], chi2.isf(0.05, np.arange(1, kinds + 1))])
    padded = np.concatenate([counts, np.zeros((3400, 2, 2), int)], axis=2)
    found = np.asarray(is_stationary(jnp.asarray(padded, jnp.int32), jnp.asarray(critical, jnp.float32)))
    told = []
    for table in counts:
        seen = table[:, table.sum(axis=0) > 0]
        told.append(chi2_contingency(seen).pvalue if seen.shape[1] > 1 else 1.0)
    told = np.asarray(told)
    clear = np.abs(told - 0.05) > 1e-4  # beyond float32
    assert clear.mean() > 0.99
    assert 0.1 < (told > 0.05).mean() < 0.9
    np.testing.assert_array_equal(found[clear], (told > 0.05)[clear])


def test_chances_at_the_lowest_temperature():
    """Nothing overflows where a product of large numbers is not rounded before its largest is taken off."""
    values = jnp.asarray(np.random.default_rng(0).normal(size=(1000, 3)), jnp.float32)
    given = values, jnp.ones_like(values), jnp.ones_like(values, bool), jnp.full(1000, 1e12, jnp.float32)
    found = jax.jit(explored, compiler_options={"xla_backend_optimization_level": 3})(*given)
    np.testing.assert_array_equal(found, jax.nn.one_hot(values.argmax(axis=1), 3, dtype=jnp.float32))


@pytest.mark.parametrize("seed", range(6))
def test_chance_as_a_player_and_kinds_of_children(seed):
    """Chance's plan at a leaf is its probability; kinds of children are different nodes, or ends that pay differently."""
    game, _ = random_game(seed, 2, depth=6)
    sampling = ExternalSampling(game, (0, 1))
    reach = plan_of(sampling.chance, sampling.chances)[sampling.rows[-1]]
    np.testing.assert_allclose(reach, game.tree.reach[game.tree.leaves], atol=1e-12)
    for player in (0, 1):
        walk, rows = Walk.of(game, player), game.node_rows[player]
        nodes = np.flatnonzero((walk.owner == player) | (walk.owner == -2))
        seen = {}
        for v in nodes:
            what = ("end", walk.pays[v]) if walk.owner[v] == -2 else ("own", v)
            assert seen.setdefault((rows[v], int(walk.kind[v])), what) == what
        own = [what for what in seen.values() if what[0] == "own"]
        assert len(set(own)) == len(own)
        assert max(k for _, k in seen) + 1 == walk.num_kinds


@pytest.mark.parametrize("seed", range(4))
def test_a_frontier_has_room_for_all_own_nodes(seed):
    """Of every draw of the others' moves, by a recursion over nodes; and some draw fills it where sets do not depend on it."""
    game, nodes = random_game(seed, 2, depth=6)
    for player, seat in enumerate(game.seats):

        def most(node, level, found, seat=seat):
            """The most own nodes by level below a node, for the worst draw on each level alone."""
            if node[0] == "t":
                return {}
            below = [most(one, level, found) for one in node[-1]]
            if node[0] == "p" and node[1] == seat:
                total = {0: 1}
                for part in below:
                    for k, count in part.items():
                        total[k + 1] = total.get(k + 1, 0) + count
                return total
            keys = set().union(*below)
            return {k: max(part.get(k, 0) for part in below) for k in keys}

        told = most(nodes, 0, {})
        widths = Walk.of(game, player).widths
        assert all(widths[k] >= count for k, count in told.items())
        assert len(widths) == len(told)


@pytest.mark.long
@pytest.mark.parametrize(("mode", "options"), [(oracle.ABCS, {}), (oracle.MAXCFR, {"significance": 1.0})])
def test_kuhn_poker_in_law_at_length(mode, options):
    """At five checkpoints, |z| at most 3."""
    pytest.importorskip("numba")
    after, lanes, game = (300, 1000, 5000, 20_000, 60_000), 64, kuhn()
    found = sx.extensive.self_play(game, ExtensiveFollowers("abcs", **options), told=after, seeds=lanes).nash_conv
    told = [oracle.Learning(game, mode, seed=seed) for seed in range(lanes)]
    for count, ours in zip(after, found, strict=True):
        theirs = np.array([sx.extensive.nash_conv(game, one.run(iterations=count).average()) for one in told])
        error = np.sqrt((ours.var(ddof=1) + theirs.var(ddof=1)) / lanes)
        assert abs(ours.mean() - theirs.mean()) <= 3 * error


@pytest.mark.long
def test_weighted_rock_paper_scissors_in_law():
    """Verdicts that are late here show in NashConv, which is a matter of how soon a player notices that it is wrongly calm."""
    pytest.importorskip("numba")
    after, lanes, game = (20_000, 166_667), 64, weighted_rps()
    found = sx.extensive.self_play(game, ExtensiveFollowers("abcs"), told=after, seeds=lanes).nash_conv
    told = [oracle.Learning(game, oracle.ABCS, seed=seed) for seed in range(lanes)]
    for count, ours in zip(after, found, strict=True):
        theirs = np.array([sx.extensive.nash_conv(game, one.run(iterations=count).average()) for one in told])
        error = np.sqrt((ours.var(ddof=1) + theirs.var(ddof=1)) / lanes)
        assert abs(ours.mean() - theirs.mean()) <= 3 * error


@pytest.mark.long
def test_abcs_learns_kuhn_poker_and_q_learning_does_not():
    """Half of NashConv after 5e5 steps, means of 20 runs."""
    game = kuhn()
    found = sx.extensive.self_play(game, ExtensiveFollowers("abcs"), told=(104_000, 1_040_000), seeds=20)
    assert 4.9e5 < found.nodes[0].mean() < 5.1e5
    assert found.nash_conv[0].mean() / 2 <= 0.0065
    assert found.nash_conv[1].mean() / 2 <= 0.003
    always = sx.extensive.self_play(game, ExtensiveFollowers("abcs", significance=1.0), told=(102_000,), seeds=20)
    assert always.nash_conv.mean() / 2 <= 0.006
    bql = sx.extensive.self_play(game, ExtensiveFollowers("bql"), told=(214_000,), seeds=20)
    assert bql.nash_conv.mean() / 2 >= 0.12


@pytest.mark.long
def test_weighted_rock_paper_scissors():
    game = weighted_rps()
    found = sx.extensive.self_play(game, ExtensiveFollowers("abcs"), told=(166_667,), seeds=20)
    assert found.nodes.mean() == pytest.approx(1e6, rel=0.01)
    assert found.nash_conv.mean() <= 0.0025
    bql = sx.extensive.self_play(game, ExtensiveFollowers("bql"), told=(500_000,), seeds=20)
    assert bql.nash_conv.mean() >= 1.5


@pytest.mark.long
def test_abcs_learns_leduc_poker():
    """Half of NashConv after 1.25e6 steps, a mean of ten runs."""
    found = sx.extensive.self_play(leduc(), ExtensiveFollowers("abcs"), told=(64_000,), seeds=10)
    assert found.nodes.mean() == pytest.approx(1.25e6, rel=0.05)
    assert found.nash_conv.mean() / 2 <= 0.45


@pytest.mark.long
def test_max_cfr_of_one_shot_games_is_hedge():
    """Draw by draw, event by event: exponents are sums of what was paid either way."""
    pytest.importorskip("numba")
    game = weighted_rps()
    one, other = (oracle.Learning(game, mode, seed=3).run(iterations=400) for mode in (oracle.MAXCFR, oracle.HEDGE))
    for own, told in zip(one.average(), other.average(), strict=True):
        np.testing.assert_allclose(own, told, atol=1e-9)


def test_runs_side_by_side_are_those_one_by_one():
    """Draws, values, counts and verdicts bit for bit, of the same keys, and in parts as in one go; sums of chances to rounding,
    as processors round exponentials of several numbers and of one in different ways.
    """
    sampler = kuhn_with()
    together = run(sampler, 4, 400)
    steps = jax.jit(sampler.steps, static_argnums=2)
    for k, key in enumerate(jax.random.split(jax.random.key(0), 4)):
        alone = steps(steps(sampler.start(jnp.float32), key, 200, {}), key, 200, {})
        one = jax.tree.map(lambda leaf, k=k: leaf[k], together)
        for known, other in zip(one.estimates, alone.estimates, strict=True):
            np.testing.assert_allclose(known.played, other.played, rtol=1e-5)
        same = [own._replace(estimates=[known._replace(played=None) for known in own.estimates]) for own in (one, alone)]
        for leaf, other in zip(*map(jax.tree.leaves, same), strict=True):
            np.testing.assert_array_equal(leaf, other)


@pytest.mark.long
def test_a_frontier_that_is_never_full_does_not_matter():
    game = small.random_game(levels=6)
    wide, exact = (Branching(game, (0, 1), significance=1.0, frontier=frontier) for frontier in (64, 4))
    assert exact.walks[0].widths == wide.walks[0].widths == (1, 2, 4)
    kept = run(exact, 3, 200)
    for leaf, other in zip(*map(jax.tree.leaves, (run(wide, 3, 200), kept)), strict=True):
        np.testing.assert_array_equal(leaf, other)
    narrow = run(Branching(game, (0, 1), significance=1.0, frontier=2), 3, 200)
    assert (narrow.dropped >= 300).all()
    assert (kept.dropped == 0).all()


@pytest.mark.long
def test_limits_of_significance():
    """0: what follows never changes; 1: it always does, and every own node is met."""
    never, always = run(kuhn_with(0.0), 4, 100), run(kuhn_with(1.0), 4, 100)
    assert all(own.calm.all() for own in never.changes)
    assert not any(own.calm.any() for own in always.changes)
    assert (always.nodes >= never.nodes).all()
    assert never.changes[0].counts.size == 0


@pytest.mark.parametrize("make", [weighted_rps, kuhn, lambda: random_game(3, 2, depth=6)[0]])
def test_where_all_is_judged_to_change_it_is_max_cfr_draw_by_draw(make, x64):
    """Beside plain loops that are given the same draws, to rounding."""
    game = make()
    sampler, key = Branching(game, (0, 1), significance=1.0, frontier=64), jax.random.key(4)
    state = jax.jit(lambda: sampler.steps(sampler.start(jnp.float64), key, 40, {}))()
    known = [tuple([np.zeros(k) for k in one.choices] for _ in range(3)) for one in game.treeplexes]
    for iteration in range(40):
        for p, own_key in enumerate(jax.random.split(jax.random.fold_in(key, iteration), 2)):
            walk = sampler.walks[p]
            shapes = [(walk.opening, 1)]
            for width in walk.widths:
                shapes += [(width,), (walk.between, width * walk.treeplex.num_actions)]
            opening, *drawn = map(np.asarray, uniforms_of(own_key, shapes, jnp.float64))
            max_cfr_turn(game, known, p, opening[:, 0], list(zip(drawn[::2], drawn[1::2], strict=True)))
    for own, (values, visits, played) in zip(state.estimates, known, strict=True):
        for found, told in ((own.values, values), (own.visits, visits), (own.played, played)):
            for i, row in enumerate(told):
                np.testing.assert_allclose(found[i, : len(row)], row, atol=1e-9)


@pytest.mark.long
def test_to_one_follower_the_world_is_stationary():
    """At most as many verdicts say otherwise as the test has by design; what is played in the end is a best reply."""
    game = kuhn()
    sampler, even = Branching(game, (1,)), uniform(game.treeplexes[0])
    state = run(sampler, 16, 6000, {0: even})
    (changes,) = state.changes
    tested = np.asarray(changes.counts).sum(axis=(-1, -2)) >= 10
    assert (~np.asarray(changes.calm) & tested).sum() <= 0.05 * tested.sum()
    last = np.asarray(jax.vmap(lambda one: sampler.last(one, 0))(state))
    plan = plan_of(game.treeplexes[0], even)
    gains = [best_gains(game, induce(game, plan), [plan_of(game.treeplexes[1], own.astype(float))])[0] for own in last]
    assert np.mean(gains) <= 0.02


@pytest.mark.parametrize("kind", ["bql", *(pytest.param(kind, marks=pytest.mark.long) for kind in ("es-mccfr", "abcs"))])
def test_followers_who_draw_answer_commitments(kind):
    """Each commitment of a batch meets followers of its own; averages come near a best reply, and payoffs are those of play."""
    game = small.inspection(periods=3, inspections=1)
    plans = jnp.stack([jnp.asarray(plan_of(game.treeplexes[0], uniform(game.treeplexes[0])), jnp.float32)] * 6, axis=-1)
    options = {} if kind == "es-mccfr" else {"cooling": 0.9}
    rule = ExtensiveFollowers(kind, iterations=4000, **options).build()
    found = jax.jit(lambda key: rule.answer(game, key, plans))(jax.random.key(2))
    exact = ExtensiveFollowers("exact").build().answer(game, None, plans)
    assert rule.is_drawn
    assert found.payoffs.shape == (2, 6)
    assert len(np.unique(np.asarray(found.payoffs[0]))) > 1
    np.testing.assert_allclose(found.payoffs[1] + found.gap, exact.payoffs[1], atol=1e-5)
    assert found.gap.mean() <= 0.03
    assert (found.dropped is None) == (kind != "abcs")


@pytest.mark.long
def test_what_is_played_last():
    """Of Q-learning at its coldest: nearly a best reply, where the average still has what was tried early."""
    game = small.inspection(periods=3, inspections=1)
    plan = jnp.asarray(plan_of(game.treeplexes[0], uniform(game.treeplexes[0])), jnp.float32)[:, None]
    gaps = {}
    for play in ("average", "last"):
        rule = ExtensiveFollowers("bql", iterations=4000, play=play, cooling=0.9).build()
        gaps[play] = float(jax.jit(lambda rule=rule: rule.answer(game, jax.random.key(0), plan).gap[0])())
    assert gaps["last"] < gaps["average"]
    assert gaps["last"] <= 1e-3


@pytest.mark.long
def test_external_sampling_is_unbiased():
    """The mean over draws of what the first turn adds to regrets, weighted by how likely sets are: what a recursion tells."""
    game, nodes = random_game(1, 2, depth=5)
    sampler, lanes = ExternalSampling(game, (0, 1)), 40_000
    found = run(sampler, lanes, 1)
    one = cfr.Learning(nodes, game.seats, None, "cfr", alternating=True)
    one.step()
    from tests.extensive.test_trees import in_order

    seat = game.seats[0]
    told = in_order(game, seat, {k: own for (who, k), own in one.regret.items() if who == seat})
    mask = game.treeplexes[0].mask
    drawn = np.asarray(found.regrets[0], np.float64)
    error = drawn.std(axis=0) / np.sqrt(lanes)
    assert (np.abs(drawn.mean(axis=0) - told)[mask] <= 5 * error[mask] + 1e-6).all()
    assert np.abs(told[mask]).max() > 0.05


def test_external_sampling_learns_kuhn_poker():
    found = sx.extensive.self_play(kuhn(), ExtensiveFollowers("es-mccfr"), told=(8000,), seeds=8)
    assert found.nash_conv.mean() <= 0.04
    assert found.nodes is None


def test_boltzmann_q_learning_walks_one_path():
    """One step for each own node of a path; averages of what is played after learning."""
    game = kuhn()
    state = run(Boltzmann(game, (0, 1)), 3, 50)
    for known in state.estimates:
        assert (np.asarray(known.visits) >= 0).all()
    visits = sum(np.asarray(known.visits).sum(axis=(1, 2)) for known in state.estimates)
    np.testing.assert_array_equal(visits, state.nodes)
    assert (state.nodes >= 100).all()
    assert (state.nodes <= 150).all()


def chance_alone_first():
    """A game whose only move of chance comes between those of the players."""

    def node(history):
        if not history:
            return Decision(0, "start", ["l", "r"])
        if len(history) == 1:
            return Chance({"h": 0.25, "t": 0.75})
        if len(history) == 2:
            return Decision(1, history[1], ["l", "r"])
        return Terminal((float(history[0] == history[2]), float(history[1] == "h") * (history[2] == "l")))

    return sx.extensive.game("between", players=("a", "b"), node=node)


def test_draws_follow_the_chances():
    game = chance_alone_first()
    walk = Walk.of(game, 1)
    assert (walk.opening, walk.between) == (2, 0)
    state = run(Branching(game, (1,)), 200, 60, {0: np.array([[0.5, 0.5]])})
    visits = np.asarray(state.estimates[0].visits).sum(axis=0)
    assert visits[0, 0] / visits[:, 0].sum() == pytest.approx(0.25, abs=0.02)
    assert trees.sets_of(trees.nodes_of(game), 1) == {0: 2, 1: 2}
