"""The fused kernel runs the scan's rounds: the same draws, the same plays, weights that differ by rounding."""

import hashlib
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import stackjax as sx
from stackjax import cache
from stackjax.bayesian.followers.equilibrate import kernel_for
from stackjax.bayesian.followers.kernels import native
from tests.bayesian.followers.test_equilibrate import random_game
from tests.siblings import first

SHAPES = [((1,), (3,)), ((2, 2), (2, 2)), ((3, 2), (2, 4)), ((2, 1, 3), (2, 3, 2)), ((9, 5), (2, 2)), ((3, 3, 3), (3, 3, 3))]


def batch_of_games(num_types, num_actions, batch=21):
    """Random games that share a correlated prior with a type profile of probability zero."""
    prior = random_game(0, num_types, num_actions).type_prior
    payoffs = np.random.default_rng(1).random((len(num_types), *num_types, *num_actions, batch))
    return sx.followers.InducedGame(prior, payoffs, payoffs[0])


def assert_same(ours, theirs):
    for a, b in zip(ours.streams, theirs.streams, strict=True):
        np.testing.assert_array_equal(a, b)
    for a, b in zip(ours.strategies, theirs.strategies, strict=True):
        np.testing.assert_allclose(a, b, atol=2e-5)
    np.testing.assert_array_equal(ours.play_counts, theirs.play_counts)


@pytest.mark.parametrize(("num_types", "num_actions"), first(3, SHAPES))
def test_native_kernel_equals_the_scan(num_types, num_actions):
    """At a batch that is no multiple of the kernel's lanes; a draw on the edge of rounding would show as another count."""
    game, rule, key = batch_of_games(num_types, num_actions), sx.followers.multiplicative_weights(0.3), jax.random.key(1)
    options = {"count_plays": True, "num_snapshots": 3, "payoff_scale": 0.5}
    found, expected = (
        sx.followers.equilibrate(key, game, rule, 200, kernel=kernel, **options) for kernel in ("native", "scan")
    )
    assert_same(found, expected)
    for a, b in zip(found.snapshots.strategies, expected.snapshots.strategies, strict=True):
        np.testing.assert_allclose(a, b, atol=2e-5)


@pytest.mark.parametrize("kernel", ["native", "scan"])
def test_every_game_of_a_batch_may_have_its_own_prior(kernel):
    games = batch_of_games((2, 3), (2, 2), batch=4)
    priors = np.random.default_rng(2).random((2, 3, 4))
    priors /= priors.sum(axis=(0, 1))
    together = sx.followers.induced_game(priors, games.follower_payoffs)
    found = sx.followers.equilibrate(
        jax.random.key(0), together, sx.followers.multiplicative_weights(), 20_000, count_plays=True, kernel=kernel
    )
    met = np.asarray(found.play_counts).sum(axis=(2, 3)) / 20_000
    np.testing.assert_allclose(met, priors, atol=0.02)


def test_native_kernel_under_vmap_over_keys_and_step_sizes():
    game, keys, steps = batch_of_games((2, 2), (2, 3)), jax.random.split(jax.random.key(0), 3), jnp.array([0.1, 0.2, 0.5])

    def run(key, step, kernel):
        return sx.followers.equilibrate(
            key, game, sx.followers.multiplicative_weights(step), 100, kernel=kernel, count_plays=True
        )

    found = jax.jit(jax.vmap(lambda key, step: run(key, step, "native")))(keys, steps)
    for s in range(3):
        assert_same(jax.tree.map(lambda leaf, s=s: leaf[s], found), run(keys[s], steps[s], "scan"))


def test_what_the_native_kernel_cannot_run_is_said():
    game = batch_of_games((2, 2), (2, 2))
    hedge = sx.followers.multiplicative_weights()
    changed = hedge._replace(update=lambda state, payoffs, action: hedge.update(state, -payoffs, action))
    others = (
        sx.followers.regret_matching(),
        sx.followers.multiplicative_weights(feedback="expected"),
        changed,
        hedge._replace(feedback="expected"),
    )
    for rule in others:
        with pytest.raises(sx.InputError, match="only multiplicative_weights with sampled feedback"):
            sx.followers.equilibrate(jax.random.key(0), game, rule, 10, kernel="native")
    with pytest.raises(sx.InputError, match="one step_size for the whole batch"):
        sx.followers.equilibrate(
            jax.random.key(0), game, sx.followers.multiplicative_weights(jnp.full(21, 0.1)), 10, kernel="native"
        )
    with pytest.raises(sx.InputError, match="at most 16 followers and 64 actions"):
        sx.followers.equilibrate(
            jax.random.key(0), batch_of_games((1,), (65,)), sx.followers.multiplicative_weights(), 10, kernel="native"
        )
    with pytest.raises(sx.InputError, match="at most 1024 type profiles"):
        sx.followers.equilibrate(
            jax.random.key(0), batch_of_games((1025,), (2,)), sx.followers.multiplicative_weights(), 10, kernel="native"
        )


@pytest.mark.parametrize(
    ("environment", "reason"),
    [
        ({"PATH": "", "CXX": "nothing"}, "no C\\+\\+ compiler"),
        ({"CXX": "false"}, "could not build"),
        ({"STACKJAX_NATIVE": "0"}, "off"),
    ],
)
def test_without_a_compiler_the_scan_takes_over(monkeypatch, tmp_path, environment, reason):
    for name, value in {**environment, "XDG_CACHE_HOME": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    native._build_problem.cache_clear()
    try:
        game, rule, key = batch_of_games((2, 2), (2, 2)), sx.followers.multiplicative_weights(), jax.random.key(0)
        with pytest.raises(sx.InputError, match=reason):
            sx.followers.equilibrate(key, game, rule, 20, kernel="native")
        auto, scan = (sx.followers.equilibrate(key, game, rule, 20, kernel=kernel) for kernel in ("auto", "scan"))
        for a, b in zip(auto.strategies, scan.strategies, strict=True):
            np.testing.assert_array_equal(a, b)
    finally:
        monkeypatch.undo()
        native._build_problem.cache_clear()


def learn(kernel="auto"):
    return sx.followers.equilibrate(
        jax.random.key(0), batch_of_games((2, 2), (2, 2)), sx.followers.multiplicative_weights(), 20, kernel=kernel
    )


@pytest.mark.long
@pytest.mark.parametrize("damage", ["cut short", "sealed again"])
def test_a_torn_kernel_is_built_again(own_cache, damage):
    """Cut short, or with its seal renewed so that only loading tells: one more build, and the kernel loads."""
    compiler = native.shutil.which("c++")
    folder = cache.cache_folder()
    library = folder / native._name(compiler)
    seal = library.with_suffix(".sha256")
    native.build(library, [compiler, *native._flags(), f"-I{jax.ffi.include_dir()}", str(native.SOURCE)])
    assert folder.stat().st_mode & 0o777 == 0o700
    whole = library.read_bytes()
    torn = whole[: len(whole) // 2]
    library.write_bytes(torn)
    if damage == "sealed again":
        library.write_bytes(b"no library")
        seal.write_text(hashlib.sha256(b"no library").hexdigest(), encoding="utf-8")
    assert native._loaded(compiler).stackjax_hedge
    assert library.read_bytes() == whole


def test_a_name_tells_what_the_library_was_built_with(monkeypatch):
    compiler, names = native.shutil.which("c++"), set()
    names.add(native._name(compiler))
    for function, other in (("libc_ver", lambda: ("glibc", "0.1")), ("machine", lambda: "other")):
        with monkeypatch.context() as patch:
            patch.setattr(native.platform, function, other)
            names.add(native._name(compiler))
    with monkeypatch.context() as patch:
        patch.setattr(native, "processor", lambda: "another")
        names.add(native._name(compiler))
    with monkeypatch.context() as patch:
        reported = native.subprocess.CompletedProcess([], 0, stdout=b"c++ 0.0.1")
        patch.setattr(native.subprocess, "run", lambda *_, **__: reported)
        names.add(native._name(compiler))
    assert len(names) == 5


def test_a_cache_of_others_is_not_used(own_cache, monkeypatch, tmp_path):
    own_cache.mkdir()
    own_cache.chmod(0o777)
    assert cache.cache_folder() == own_cache
    assert own_cache.stat().st_mode & 0o777 == 0o700
    monkeypatch.setattr(native.os, "getuid", lambda: 12345)
    assert cache.cache_folder() != own_cache
    monkeypatch.undo()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "other"))
    (tmp_path / "other").mkdir()
    (tmp_path / "other/stackjax").symlink_to(own_cache)
    assert cache.cache_folder() != tmp_path / "other/stackjax"


def test_the_slow_path_is_said_once(own_cache, monkeypatch):
    monkeypatch.setenv("CXX", "false")
    with pytest.warns(RuntimeWarning, match="slower than in the CPU kernel: .*could not build it"):
        learn()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        learn()
    game, rule = batch_of_games((2, 2), (2, 2)), sx.followers.multiplicative_weights()
    assert kernel_for(game, rule)[0] == "scan"
    assert "could not build" in kernel_for(game, rule)[1]
    native._build_problem.cache_clear()
    monkeypatch.setenv("STACKJAX_NATIVE", "0")  # asked for, so nothing is said
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        learn()


def test_which_kernel_runs_is_told():
    game = batch_of_games((2, 2), (2, 2))
    assert kernel_for(game, sx.followers.multiplicative_weights()) == ("native", None)
    assert kernel_for(game, sx.followers.exp3()) == (
        "scan",
        "only multiplicative_weights with sampled feedback has a fused kernel",
    )


ARGUMENTS = {
    "logs": (8, 5),
    "residue": (8, 5),
    "streams": (4, 5),
    "counts": (0, 5),
    "payoffs": (32, 5),
    "bounds": (4, 1),
    "rate": (1, 1),
}


def call_kernel(num_types=(2, 2), num_actions=(2, 2), **shapes):
    arrays = {name: jnp.zeros(shapes.get(name, shape), jnp.float32) for name, shape in ARGUMENTS.items()}
    arrays["streams"] = arrays["streams"].astype(jnp.uint32)
    values = list(arrays.values())
    results = [jax.ShapeDtypeStruct(x.shape, x.dtype) for x in values[:4]]
    sizes = {"num_types": np.array(num_types, np.int64), "num_actions": np.array(num_actions, np.int64)}
    return jax.block_until_ready(jax.ffi.ffi_call(native.TARGET, results)(*values, num_rounds=np.int64(3), **sizes))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"logs": (7, 5)}, "log-weights and residue"),
        ({"residue": (8, 4)}, "log-weights and residue"),
        ({"streams": (3, 5)}, "streams must be"),
        ({"counts": (3, 5)}, "play counts must be"),
        ({"payoffs": (31, 5)}, "payoffs must be"),
        ({"payoffs": (32,)}, "the same number of axes"),
        ({"bounds": (4, 2)}, "cumulative prior must be"),
        ({"rate": (1, 5)}, "rate must be"),
        ({"num_actions": (2, 65)}, "1 to 64 actions"),
        ({"num_types": (2,)}, "must name the same"),
        ({"num_types": (40, 40), "num_actions": (2, 2)}, "at most 1024 type profiles"),
        ({name: (3, *shape) for name, shape in ARGUMENTS.items() if name != "rate"} | {"rate": (2, 1, 1)}, "leading axes"),
    ],
)
def test_the_kernel_checks_what_it_is_given(wrong, message):
    assert native._build_problem() is None
    call_kernel()
    with pytest.raises(jax.errors.JaxRuntimeError, match=message):
        call_kernel(**wrong)


def test_what_followers_learn_can_be_differentiated_in_the_scan():
    """With one action made a little better, it is played more."""
    game = batch_of_games((1,), (2,), batch=3)

    def share(bonus):
        payoffs = jnp.asarray(game.follower_payoffs, jnp.float32).at[:, :, 1].add(bonus)
        changed = sx.followers.InducedGame(game.type_prior, payoffs, payoffs[0])
        return (
            sx.followers.equilibrate(jax.random.key(0), changed, sx.followers.multiplicative_weights(), 50, kernel="scan")
            .strategies[0][0, 1]
            .sum()
        )

    slope = (share(0.01) - share(-0.01)) / 0.02
    np.testing.assert_allclose(jax.grad(share)(0.0), slope, rtol=1e-2)
    assert slope > 0


@pytest.mark.parametrize("payoff_size", first(1, [1e6, 1.0]))
@pytest.mark.parametrize("step_size", [1e-6, 1e-3, 10.0])
@pytest.mark.parametrize("kernel", first(1, ["native", "scan"]))
def test_a_million_rounds_add_up_as_in_float64(kernel, step_size, payoff_size):
    """One follower, whose weights are known in closed form from how often each of its types came up.

    Sums of a million gains of 1e-7 keep five digits; without compensation they lose 5 percent. Nothing over- or underflows.
    """
    num_rounds, prior = 1_000_000, np.array([0.3, 0.7])
    payoffs = np.array([[[0.3, 0.5, -0.2], [-1.0, 1.0, 0.9]]]) * payoff_size
    game = sx.followers.induced_game(prior, payoffs)
    response = sx.followers.equilibrate(
        jax.random.key(0), game, sx.followers.multiplicative_weights(step_size), num_rounds, count_plays=True, kernel=kernel
    )
    times = np.asarray(response.play_counts, np.float64).sum(axis=1)
    log_weights = np.log1p(step_size) * times[:, None] * payoffs[0]
    log_weights -= log_weights.max(axis=1, keepdims=True)
    found = np.asarray(response.states[0].log_weights)
    np.testing.assert_allclose(found - found.max(axis=1, keepdims=True), log_weights, rtol=2e-5, atol=1e-4)
    expected = np.exp(log_weights)
    np.testing.assert_allclose(response.strategies[0], expected / expected.sum(axis=1, keepdims=True), atol=2e-5)
