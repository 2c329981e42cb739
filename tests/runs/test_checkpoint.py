"""Checkpoints: whole, sealed, the last ones and the best kept; whatever is wrong with one, it is never read."""

import shutil

import jax
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
    yield checkpoints
    checkpoints.close()


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


def damage_bytes(place):
    """One bit of the largest file."""
    path = max((path for path in place.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def damage_truncated(place):
    for path in place.rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def damage_emptied(place):
    shutil.rmtree(place)
    place.mkdir()


def damage_mixed(place):
    """The state of another checkpoint: every file is good in itself, only the digest tells."""
    shutil.rmtree(place / "state")
    shutil.copytree(place.with_name("20") / "state", place / "state")


def damage_altered(place):
    about = place / "about/metadata"
    about.write_text(about.read_text(encoding="utf-8").replace('"seconds": 3.0', '"seconds": 4.0'), encoding="utf-8")


def damage_replaced(place):
    """Another checkpoint under this name: good in itself, and not what it says."""
    shutil.rmtree(place)
    shutil.copytree(place.with_name("20"), place)


DAMAGES = [damage_bytes, damage_truncated, damage_emptied, damage_mixed, damage_altered, damage_replaced]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_one_is_passed_over_with_a_warning(three, tmp_path, damage):
    three.close()
    damage(tmp_path / "checkpoints/30")
    again = Checkpoints(tmp_path / "checkpoints", "a run")
    with pytest.warns(RuntimeWarning, match="checkpoints/30 is passed over"):
        check(again.restore(SHAPES), 20)
    assert kept(tmp_path) == [10, 20]
    assert (tmp_path / "checkpoints.rejected/30").is_dir()
    again.save(state_at(30), 30, 3.0, 0.0)
    check(again.restore(SHAPES), 30)
    again.close()


def test_another_runs_checkpoints_are_never_read(three, tmp_path):
    three.close()
    other = Checkpoints(tmp_path / "checkpoints", "another run")
    with pytest.warns(RuntimeWarning, match="of a run with other settings"):
        assert other.restore(SHAPES) is None
    other.close()


def test_other_shapes_are_never_read(three):
    larger = {**SHAPES, "weights": jax.ShapeDtypeStruct((5, 4), np.float32)}
    with pytest.warns(RuntimeWarning, match="passed over"):
        assert three.restore(larger) is None
