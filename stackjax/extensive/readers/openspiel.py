"""OpenSpiel's sequential games as trees. Free of JAX."""

from collections.abc import Callable
from typing import Any

from stackjax.bayesian.games.openspiel import is_one_shot, load_openspiel, quiet
from stackjax.errors import InputError, require_is
from stackjax.extensive import walking
from stackjax.extensive.making import game_of_tree
from stackjax.extensive.tree import Chance, Decision, Named, Node, Terminal, Tree
from stackjax.extensive.treeplex import ExtensiveGame

__all__ = ["openspiel", "openspiel_tree"]

LOOK = 20_000  # states of a level


def openspiel(text: str, *, leader: int | str = 1, randomized: bool = True) -> ExtensiveGame:
    """The sequential game that OpenSpiel loads by ``text``, for example ``"leduc_poker"``; simultaneous moves become turns.

    Needs OpenSpiel (``pip install 'stackjax[openspiel]'``).

    Args:
      text: the game's name there, with parameters in brackets.
      leader, randomized: as of `stackjax.extensive.game`.

    Raises:
      InputError: OpenSpiel is not installed or has no such game; or the game is one-shot, has no tree of explicit chances, is
        too large, or one in which a player forgets.
    """
    require_is("text", text, str, "the name of one of OpenSpiel's games")
    return game_of_tree(text.partition("(")[0], openspiel_tree(text), leader=leader, randomized=randomized)


def openspiel_tree(text: str) -> Tree:
    """The tree of the game, see `openspiel`."""
    game = load_openspiel(text)
    import pyspiel

    kind, what = game.get_type(), f"OpenSpiel's {text!r}"
    if is_one_shot(game):
        raise InputError(f"{what} is a one-shot game with simultaneous moves; sx.openspiel_game loads it")
    if kind.dynamics == pyspiel.GameType.Dynamics.MEAN_FIELD:
        raise InputError(f"{what} is a mean-field game, which has no tree of players' moves")
    if kind.chance_mode == pyspiel.GameType.ChanceMode.SAMPLED_STOCHASTIC:
        raise InputError(f"{what} draws its chance moves inside; a tree needs explicit chances")
    if not kind.provides_information_state_string:
        raise InputError(f"{what} does not tell information states as strings, which information sets are made of")
    try:
        with quiet():
            turns = pyspiel.convert_to_turn_based(game) if kind.dynamics == pyspiel.GameType.Dynamics.SIMULTANEOUS else game
            names = tuple(f"player {k + 1}" for k in range(turns.num_players()))
            root = turns.new_initial_state()
            _look_ahead(root)
            return walking.walk(names, root, _expanded)
    except InputError as error:
        raise InputError(f"{what}: {error}") from error
    except Exception as error:
        raise InputError(f"{what} cannot be played out: {str(error).partition(chr(10))[0]}") from error


def _look_ahead(root: Any) -> None:
    """Refuses a game whose first levels show that it is too large: it has no fewer leaves than a level has actions.

    Walking to the limit takes minutes where the tree is deep.
    """
    level, ended = [root], 0
    while 0 < len(level) <= LOOK:
        below: list[Any] = []
        actions = 0
        for child in (state.child(action) for state in level for action in state.legal_actions()):
            if child.is_terminal():
                ended += 1
                continue
            actions += len(child.legal_actions())
            if len(below) <= LOOK:
                below.append(child)
            if ended + actions > walking.MOST_LEAVES:
                raise walking.too_many_leaves(walking.MOST_LEAVES)
        level = below


def _expanded(state: Any) -> tuple[Node, Callable[[int], Any]]:
    """What stands at a state, and the states after it."""
    if state.is_terminal():
        return Terminal(state.returns()), state.child
    player = state.current_player()
    if state.is_chance_node():
        outcomes = state.chance_outcomes()
        actions = [action for action, _ in outcomes]
        names = _names(state, player, actions)
        return Chance(dict(zip(names, (chance for _, chance in outcomes), strict=True))), lambda k: state.child(actions[k])
    actions = state.legal_actions()
    told = state.information_state_string(player)
    infoset = Named((player, told), " ".join(told.split()) or f"player {player + 1} at first")
    return Decision(player, infoset, _names(state, player, actions)), lambda k: state.child(actions[k])


def _names(state: Any, player: int, actions: list[int]) -> list[str]:
    """What actions are called; their numbers where two are called the same."""
    names = [state.action_to_string(player, action) for action in actions]
    return (
        names if len(set(names)) == len(names) else [f"{name} ({action})" for name, action in zip(names, actions, strict=True)]
    )
