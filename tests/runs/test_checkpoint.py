"""Checkpoints: whole, sealed, the last ones and the best kept; whatever is wrong with one, it is never read."""

import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stackjax.disk.checkpoint import Checkpoints

STATE = {"weights": np.arange(12, dtype=np.float32).reshape(3, 4), "key": np.array([[1, 2]], np.uint32), "nothing": ()}
SHAPES = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), STATE)


def state_at(update):
    return jax.tree.map(lambda leaf: leaf + np.asarray(update, leaf.dtype), STATE)


@pytest.fixture
def three(tmp_path):
    """Checkpoints at updates 10, 20, 30; the best is that at 10."""
    checkpoints = Checkpoints(tmp_path / "checkpoints", "a run")
    for update, payoff in ((5, 1.0), (10, 3.0), (20, 2.0), (30, -np.inf)):
        checkpoints.save(state_at(update), update, update / 10, payoff)
    return checkpoints


def check(restored, update):
    assert (restored.update, restored.seconds) == (update, update / 10)
    jax.tree.map(np.testing.assert_array_equal, restored.state, state_at(update))
    assert jax.tree.map(lambda leaf: leaf.dtype, restored.state) == jax.tree.map(lambda leaf: leaf.dtype, STATE)


def kept(tmp_path):
    return sorted(int(path.name) for path in (tmp_path / "checkpoints").iterdir())


def test_the_last_two_and_the_best_are_kept_and_the_newest_is_read(three, tmp_path):
    assert kept(tmp_path) == [10, 20, 30]
    check(three.restore(SHAPES), 30)
    three.save(state_at(0), 30, 0.0, 0.0)  # already there
    check(three.restore(SHAPES), 30)


def test_one_that_was_not_scored_is_not_kept_as_the_best(tmp_path):
    checkpoints = Checkpoints(tmp_path / "checkpoints", "a run")
    for update in (10, 20, 30):
        checkpoints.save(state_at(update), update, update / 10, None)
    assert kept(tmp_path) == [20, 30]


def damage_bytes(place):
    """One bit of an array."""
    content = bytearray(place.read_bytes())
    content[-7] ^= 1
    place.write_bytes(content)


def damage_truncated(place):
    place.write_bytes(place.read_bytes()[:-9])


def damage_halved(place):
    place.write_bytes(place.read_bytes()[: place.stat().st_size // 2])


def damage_longer(place):
    place.write_bytes(place.read_bytes() + b"0")


def damage_emptied(place):
    place.write_bytes(b"")


def damage_mixed(place):
    """The arrays of another checkpoint: all is good in itself, only the digest tells."""
    arrays = place.with_name("20").read_bytes().split(b"\n", 1)[1]
    place.write_bytes(place.read_bytes().split(b"\n", 1)[0] + b"\n" + arrays)


def damage_altered(place):
    content = place.read_bytes()
    altered = content.replace(b'"seconds": 3.0', b'"seconds": 4.0')
    assert altered != content
    place.write_bytes(altered)


def damage_replaced(place):
    """Another checkpoint under this name: good in itself, and not what it says."""
    shutil.copy(place.with_name("20"), place)


def damage_older(place):
    """Earlier versions wrote a directory."""
    place.unlink()
    (place / "state").mkdir(parents=True)


def damage_no_object(place):
    place.write_bytes(b"[1, 2]\n")


DAMAGES = [damage for name, damage in sorted(globals().items()) if name.startswith("damage_")]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_one_is_passed_over_with_a_warning(three, tmp_path, damage):
    damage(tmp_path / "checkpoints/30")
    again = Checkpoints(tmp_path / "checkpoints", "a run")
    with pytest.warns(RuntimeWarning, match="checkpoints/30 is passed over"):
        check(again.restore(SHAPES), 20)
    assert kept(tmp_path) == [10, 20]
    assert (tmp_path / "checkpoints.rejected/30").exists()
    again.save(state_at(30), 30, 3.0, 0.0)
    check(again.restore(SHAPES), 30)


def test_another_runs_checkpoints_are_never_read(three, tmp_path):
    other = Checkpoints(tmp_path / "checkpoints", "another run")
    with pytest.warns(RuntimeWarning, match="of a run with other settings"):
        assert other.restore(SHAPES) is None


def test_other_shapes_are_never_read(three):
    larger = {**SHAPES, "weights": jax.ShapeDtypeStruct((5, 4), np.float32)}
    with pytest.warns(RuntimeWarning, match="passed over"):
        assert three.restore(larger) is None


def test_what_a_kill_left_half_written_goes(three, tmp_path):
    (tmp_path / "checkpoints/.40.0a1b2c3d").write_bytes(b"half")
    check(Checkpoints(tmp_path / "checkpoints", "a run", read_only=True).restore(SHAPES), 30)
    assert len(list((tmp_path / "checkpoints").iterdir())) == 4
    check(Checkpoints(tmp_path / "checkpoints", "a run").restore(SHAPES), 30)
    assert kept(tmp_path) == [10, 20, 30]


def test_a_reader_changes_nothing(three, tmp_path):
    damage_bytes(tmp_path / "checkpoints/30")
    reader = Checkpoints(tmp_path / "checkpoints", "a run", read_only=True)
    with pytest.warns(RuntimeWarning, match="its content is not what was written"):
        check(reader.restore(SHAPES), 20)
    assert kept(tmp_path) == [10, 20, 30]
    assert Checkpoints(tmp_path / "none", "a run", read_only=True).restore(SHAPES) is None
    assert not (tmp_path / "none").exists()


def test_numbers_of_any_type_come_back(tmp_path):
    state = [jnp.ones(3, kind) for kind in ("bfloat16", "float16", "int8", "bool")] + [
        np.float64(2.5),
        np.zeros((0, 3)),
    ]
    state = jax.tree.map(np.asarray, state)
    checkpoints = Checkpoints(tmp_path, "a run")
    checkpoints.save(state, 1, 0.0, None)
    found = checkpoints.restore(state).state
    assert [(leaf.dtype, leaf.shape) for leaf in found] == [(leaf.dtype, leaf.shape) for leaf in state]
    jax.tree.map(np.testing.assert_array_equal, found, state)
