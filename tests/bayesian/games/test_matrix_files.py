"""Matrix games from Gambit and OpenSpiel, against tables written out here."""

import io
import json
import pathlib
import re
import sys
import zipfile

import numpy as np
import pytest

import stackjax as sx
from stackjax.bayesian.games import payoff_files

COMMITMENT_PAYS = [[(2, 1), (4, 0)], [(1, 0), (3, 1)]]  # Conitzer and Sandholm (2006), Figure 1

NFG = """NFG 1 R "Commitment pays" { "leader" "follower" } { 2 2 }

2 1 1 0 4 0 3 1
"""


def test_gambit_files(tmp_path):
    path = tmp_path / "cs.nfg"
    path.write_text(NFG, encoding="utf-8")
    game = sx.load_matrix_game(path, randomized=True)
    np.testing.assert_array_equal(game.payoff_table, COMMITMENT_PAYS)
    assert game.action_names == ()
    assert sx.solve(game).value == pytest.approx(3.5)
    path.write_text(NFG[:40], encoding="utf-8")
    with pytest.raises(sx.InputError, match="is not a strategic-form game"):
        sx.load_matrix_game(path)


def test_openspiel_missing_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyspiel", None)
    with pytest.raises(sx.InputError, match=r"pip install 'stackjax\[openspiel\]'"):
        sx.openspiel_game("matrix_pd")


TEXT = '{"payoffs": [[[2, 1], [4, 0]], [[1, 0], [3, 1]]]}'


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize(("name", "text"), [("cs.json", TEXT), ("CS.JSON", TEXT), ("cs.nfg", NFG), ("CS.NFG", NFG)])
def test_text_files_of_other_programs(tmp_path, name, text, encoding):
    """A byte order mark, UTF-16 as PowerShell writes it, endings in capitals."""
    (tmp_path / name).write_text(text, encoding=encoding)
    np.testing.assert_array_equal(sx.load_matrix_game(tmp_path / name).payoff_table, COMMITMENT_PAYS)


def test_what_else_a_json_file_may_say(tmp_path):
    path = tmp_path / "game.json"
    names = [["tief", "höher [2]"], ["l", "r"]]
    more = {"action_names": names, "randomized": True, "name": "tax [low]"}
    for entries in ({"payoffs": COMMITMENT_PAYS}, {"A": [[2, 4], [1, 3]], "B": [[1, 0], [0, 1]]}):
        path.write_text(json.dumps({**entries, **more}), encoding="utf-8")
        game = sx.load_matrix_game(path)
        np.testing.assert_array_equal(game.payoff_table, COMMITMENT_PAYS)
        assert (game.name, game.randomized, game.action_names) == ("tax [low]", True, tuple(map(tuple, names)))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"payoff": []}', "must hold an entry named 'payoffs', or 'A' and 'B'"),
        ('{"payoffs": [[[1, 2]]], "payoffs": [[[1, 2]]]}', "holds 2 entries named 'payoffs'"),
        ('{"payoffs": [[[1, 2]]], "names": [["a"], ["b"]]}', "holds an entry 'names'; it may hold 'payoffs', 'action_names'"),
        ('{"payoffs": [[[1, 2]]], "A": [[1]]}', "holds an entry 'A'"),
        ('{"payoffs": [[[1, 2]]], "randomized": 1}', "randomized is 1, but must be true or false"),
        ('{"payoffs": [[[1, 2]]], "name": []}', "name is [], but must be a word"),
        ('{"payoffs": [[[1, 2], [3, 4]], [[5, 6]]]}', "payoffs[1] has 1 entries, but those before it have 2"),
        ('{"payoffs": [[[1, 2], 3]]}', "payoffs[0, 1] has 0 entries, but those before it have 2"),
        ('{"payoffs": [[[1, 2, 3], [4, 5, 6]]]}', "the last axis is 3, but there are 2 agents"),
        ('{"A": [[1, 2]], "B": [[1], [2]]}', "A and B have shapes (1, 2) and (2, 1), but must be two equal matrices"),
        ('{"A": [[1, 2], [3]], "B": [[1]]}', "A[1] has 1 entries, but those before it have 2"),
        ("[" * 100_000, "is not JSON"),
        (b"\xff{}", "is not text in UTF-8 (byte 0); save it as UTF-8"),
    ],
)
def test_what_a_json_file_may_not_say(tmp_path, text, message):
    path = tmp_path / "game.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(sx.InputError, match=re.escape(message)):
        sx.load_matrix_game(path)


def archive(path, content, *, name="payoffs.npy", **how):
    with zipfile.ZipFile(path, "w", **how) as opened:
        opened.writestr(name, content)


def array_bytes(array):
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def test_archives_of_which_payoffs_are_no_array(tmp_path):
    path, whole = tmp_path / "game.npz", array_bytes(np.array(COMMITMENT_PAYS))
    archive(path, whole, compression=zipfile.ZIP_LZMA)
    np.testing.assert_array_equal(sx.load_matrix_game(path).payoff_table, COMMITMENT_PAYS)
    damaged = bytearray(path.read_bytes())
    damaged[60:90] = bytes(30)
    huge = whole.replace(b"(2, 2, 2), }", b"(20000, 1000000, 1), }")
    huge = huge[:8] + (len(huge) - 10 - 64).to_bytes(2, "little") + huge[10:]
    cases = {"damaged": bytes(damaged), "empty": b"", "text": b"payoffs"}
    for content in cases.values():
        path.write_bytes(content)
        with pytest.raises(sx.InputError, match=r"is not a readable \.npz archive"):
            sx.load_matrix_game(path)
    for content in (b"no array", huge, array_bytes(np.array([{}], object))):
        archive(path, content)
        with pytest.raises(sx.InputError, match=r"is not a readable \.npz archive"):
            sx.load_matrix_game(path)
    archive(path, whole, name="payoffs")
    with pytest.raises(sx.InputError, match="must hold an array named 'payoffs'"):
        sx.load_matrix_game(path)
    archive(path, array_bytes(np.zeros((2, 2, 2), complex)))
    with pytest.raises(sx.InputError, match="are of dtype complex128, but must be real numbers"):
        sx.load_matrix_game(path)
    np.savez(path, payoffs=np.array(COMMITMENT_PAYS), beside=np.array([{}], object), other=np.zeros(3, complex))
    np.testing.assert_array_equal(sx.load_matrix_game(path).payoff_table, COMMITMENT_PAYS)  # what lies beside does not matter


def test_files_that_cannot_be_read_and_arrays_that_are_too_large(tmp_path, monkeypatch):
    path = tmp_path / "game.npz"
    archive(path, array_bytes(np.array(COMMITMENT_PAYS, float)))
    monkeypatch.setattr(payoff_files, "MOST_BYTES", 191)  # the header has 128 bytes, the numbers 64
    with pytest.raises(sx.InputError, match=r"game\.npz: payoffs take more than 191 bytes"):
        sx.load_matrix_game(path)
    monkeypatch.setattr(payoff_files, "MOST_BYTES", 192)
    np.testing.assert_array_equal(sx.load_matrix_game(path).payoff_table, COMMITMENT_PAYS)

    def locked(self):
        raise PermissionError(13, "Permission denied")

    (tmp_path / "game.nfg").write_text(NFG, encoding="utf-8")
    monkeypatch.setattr(pathlib.Path, "read_bytes", locked)
    with pytest.raises(sx.InputError, match=r"game\.nfg cannot be read: .*Permission denied"):
        sx.load_matrix_game(tmp_path / "game.nfg")


@pytest.mark.long
def test_random_bytes_are_no_game(tmp_path):
    """Of 500 files, changed or made up, each is a game or one line."""
    rng, whole, said = np.random.default_rng(0), {}, []
    np.savez(tmp_path / "good.npz", payoffs=np.array(COMMITMENT_PAYS))
    whole[".npz"], whole[".json"], whole[".nfg"] = (tmp_path / "good.npz").read_bytes(), TEXT.encode(), NFG.encode()
    read = 0
    for case in range(500):
        ending = list(whole)[case % 3]
        content = bytearray(whole[ending])
        if case % 10 == 9:
            content = bytearray(rng.bytes(int(rng.integers(200))))
        else:
            for place in rng.integers(len(content), size=int(rng.integers(1, 8))):
                content[place] = rng.integers(256)
        path = tmp_path / f"game{ending}"
        path.write_bytes(bytes(content))
        try:
            sx.load_matrix_game(path)
            read += 1
        except sx.InputError as error:
            said.append(str(error))
    assert 0 < read < 500
    assert all(text.startswith("game file ") for text in said)


def test_openspiel_games():
    game = sx.openspiel_game("matrix_pd")
    np.testing.assert_array_equal(game.payoff_table, [[(5, 5), (0, 10)], [(10, 0), (1, 1)]])
    assert sx.solve(game).value == 1.0
    blotto = sx.openspiel_game("blotto(coins=3,fields=2,players=3)")
    assert blotto.num_actions == (4, 4)
    np.testing.assert_allclose(blotto.payoff_table.sum(axis=-1), 0.0, atol=1e-12)
    sx.testing.check_game(sx.openspiel_game("matrix_rps", randomized=True))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("matrix_dp", "has no game 'matrix_dp'. Did you mean 'matrix_pd'"),
        ("kuhn_poker", "not a one-shot game"),
        ("blotto(coins=many)", "cannot load"),
    ],
)
def test_bad_openspiel_games_are_named(text, message):
    with pytest.raises(sx.InputError, match=message.replace("(", r"\(")):
        sx.openspiel_game(text)
