"""Checks of arguments: numbers, counts and keys are what they say, concrete arrays are looked into, traced ones pass."""

import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import stackjax as sx
from stackjax.errors import require_count, require_key, require_number, require_positive

KEY = jax.random.key(0)
GAME = sx.followers.induced_game(np.ones(1), np.zeros((1, 1, 2)))

NO_POSITIVE_NUMBERS = [
    *("a", "0.1", None, [0.1], (0.1,), {}, True, 1j, 0, -1.0, float("nan"), float("inf"), np.float32(-1), np.int64(0)),
    *(np.str_("0.1"), np.array("0.1"), np.array([0.1], object), np.bool_(True), np.array([True]), jnp.array(True)),
    *(np.complex64(1), jnp.array(1j), np.array(0.0), np.array([0.1, -0.1]), jnp.float32(0), jnp.array([0.1, jnp.nan])),
    jnp.asarray(-1.0, jnp.bfloat16),
]


@pytest.mark.parametrize("value", NO_POSITIVE_NUMBERS, ids=repr)
@pytest.mark.parametrize(
    "ask",
    [
        sx.followers.multiplicative_weights,
        lambda value: sx.followers.equilibrate(KEY, GAME, sx.followers.exp3(), 3, payoff_scale=value),
    ],
)
def test_what_is_no_positive_number_is_one_line(ask, value):
    with pytest.raises(sx.InputError, match=r"^(step_size|payoff_scale)=.* must be a positive finite number$"):
        ask(value)


@pytest.mark.parametrize(
    "value",
    [0.1, 1, np.float32(0.1), np.int64(1), np.array(0.1), np.full(3, 0.1), jnp.full(3, 0.1), jnp.asarray(0.1, jnp.bfloat16)],
    ids=repr,
)
def test_positive_numbers_pass(value):
    require_positive("step_size", value)


def test_what_is_not_known_yet_passes():
    """Traced values, and arrays that are known although everything around them is traced."""

    def learn(step):
        require_positive("step_size", jnp.ones(2))
        with pytest.raises(sx.InputError, match="must be a positive"):
            require_positive("step_size", known)
        return sx.followers.equilibrate(KEY, GAME, sx.followers.multiplicative_weights(step), 3, payoff_scale=step).strategies[
            0
        ]

    known = jnp.float32(-1)
    jax.vmap(jax.jit(learn))(jnp.array([0.1, -0.1]))
    jax.eval_shape(lambda step: require_positive("step_size", step), jnp.zeros(2))
    require_positive("step_size", jax.ShapeDtypeStruct((), jnp.float32))
    with pytest.raises(sx.InputError, match="must be a positive finite number"):
        jax.jit(sx.followers.multiplicative_weights)(True)


@pytest.mark.parametrize("value", ["3", 3.0, None, True, np.bool_(True), np.float64(3), [3], -1, np.int64(-1)], ids=repr)
def test_what_is_no_count_is_one_line(value):
    with pytest.raises(sx.InputError, match=r"^num_rounds=.* must be a whole number of at least 0$"):
        require_count("num_rounds", value, 0)


def test_counts_pass():
    for value in (0, 3, np.int64(3), np.uint8(3)):
        require_count("num_rounds", value, 0)
    require_number("discount", 0, lambda discount: discount < 1, "below 1")


RAW = jax.random.PRNGKey(0)


@pytest.mark.parametrize(
    "key",
    [*(0, None, "k", 0.5, np.uint32(0), jnp.uint32(0), jnp.zeros(2)), jax.random.split(KEY, 3), jax.random.split(RAW, 3)],
    ids=lambda key: " ".join(repr(key).split()),
)
def test_what_is_no_key_is_one_line(key):
    with pytest.raises(
        sx.InputError, match=r"^key=.* must be a random key, for example jax.random.key\(0\); vmap over several$"
    ):
        sx.followers.equilibrate(key, GAME, sx.followers.exp3(), 3)


def test_keys_pass():
    for key in (KEY, RAW, np.asarray(RAW), jax.random.key(0, impl="rbg")):
        require_key(key)
    for keys in (jax.random.split(KEY, 3), jax.random.split(RAW, 3)):
        jax.vmap(jax.jit(lambda key: require_key(key) or jax.random.uniform(key)))(keys)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_snapshots": "1"}, "num_snapshots='1' must be a whole number of at least 0"),
        ({"num_snapshots": 1.0}, "num_snapshots=1.0 must be a whole number of at least 0"),
        ({"gap_every": 1, "tolerance": "a"}, "tolerance='a' must be a finite number of at least 0"),
        ({"gap_every": 1, "tolerance": jnp.float32(-1)}, "must be a finite number of at least 0"),
        ({"dynamics": lambda: 1}, "must be a FollowerDynamics, for example sx.followers.multiplicative_weights()"),
        ({"game": KEY}, "game=Array((), dtype=key<fry>) overlaying: [0 0] must be an InducedGame"),
    ],
)
def test_equilibrate_says_what_is_wrong(options, message):
    arguments = {"key": KEY, "game": GAME, "dynamics": sx.followers.exp3(), "num_rounds": 3, **options}
    with pytest.raises(sx.InputError) as caught:
        sx.followers.equilibrate(**arguments)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_importing_the_errors_is_quick():
    heavy = "import sys, stackjax.errors; sys.exit('jax' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", heavy], timeout=60).returncode == 0
