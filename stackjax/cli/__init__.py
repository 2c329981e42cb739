"""The command line, ``stackjax list | train | sweep | ...``. Free of JAX until it is needed."""

import gc
import sys
import warnings
from collections.abc import Callable

from stackjax.cli.arguments import fail
from stackjax.cli.complaints import as_typed
from stackjax.cli.evaluate import evaluate_command
from stackjax.cli.inspect import cite_command, export_command, list_command, report_command, solve_command
from stackjax.cli.interrupts import ends_soon
from stackjax.cli.jax_start import check_xla_flags, why_jax_fails
from stackjax.cli.multiplicity import compare_command, multiplicity_command
from stackjax.cli.streams import standard_streams
from stackjax.cli.sweep import sweep_command
from stackjax.cli.train import train_command
from stackjax.cli.vote import vote_command
from stackjax.errors import InputError, near_matches

__all__ = ["main"]

USAGE = """\
stackjax learns how to lead: the commitment that pays best once followers have learned to answer it.

usage:
  stackjax list [--json]            the games, their options and known optima
  stackjax train GAME --out DIR     train leaders, ten seeds at once
  stackjax train --config FILE      the same with settings from a file, YAML or JSON; every run's config.json is one
  stackjax sweep GAME --out DIR --sweep.ppo.learning-rate log 1e-4 1e-2 16 ...
                                    train leaders under every combination of settings
  stackjax evaluate DIR             evaluate a finished run's commitments again [--game FILE.py]
  stackjax evaluate DIR --judge-seed 1 --followers.kind regret-matching --pomdp.evaluation-rounds 5000 ...
                                    what they are worth to other followers; the run stays as it is
  stackjax report DIR...            write a run's report.html again; of several runs, a page that compares them too
  stackjax export DIR FILE          a run's commitment, policy and follower play in a file, .json or .npz; its policy, .onnx;
                                    the table of its seeds, .csv or .tex; a figure, .svg or .pdf
  stackjax solve GAME [--json]      the leader's exact optimum, where it is known or can be computed
  stackjax vote DIR...              followers vote over the commitments of a sweep, or of several runs [--rule borda] [--json]
  stackjax multiplicity DIR         what else pays the leader as much, and followers what [--slack 0.01] [--second equality]
  stackjax compare DIR DIR          who gains and who loses if one run's commitment takes the place of another's [--json]
  stackjax cite                     what to cite
  stackjax help COMMAND             the same as stackjax COMMAND --help

GAME is a name from the list, a payoff file (.json, .npz, Gambit's .nfg and .efg), openspiel:NAME, FILE.py[:NAME], or
iterated:FILE (a payoff file, played again and again). --solver direct (the default), ppo or search chooses what looks for the
commitment.
stackjax train GAME --help shows every setting: --game.*, --pomdp.*, --followers.*, and the solver's, --direct.*
"""
COMPUTE = ("train", "sweep", "evaluate", "solve", "multiplicity", "compare")  # the commands that need JAX


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code.

    0; 1 when every seed diverged or another process was lost; 2 for wrong input; 130 and 143 when told to stop.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    with standard_streams() as output, ends_soon():
        try:
            code = _run(arguments)
        except InputError as error:
            code = fail(as_typed(str(error), arguments), 2)
        except OSError as error:
            code = fail(_in_words(error), 2)
        except KeyboardInterrupt:
            code = fail("interrupted", 130)
        except Exception as error:
            words = why_jax_fails(error)
            if words is None:
                raise
            code = fail(words, 2)
        output.flush()
        if code or output.error is None or isinstance(output.error, BrokenPipeError):  # whoever reads it has seen enough
            return code
        return fail(_in_words(output.error), 2)


def _in_words(error: OSError) -> str:
    return f"{error.strerror}: {error.filename}" if error.strerror and error.filename else str(error)


def _run(arguments: list[str]) -> int:
    commands: dict[str, Callable[[list[str]], int]] = {
        "list": list_command,
        "train": train_command,
        "sweep": sweep_command,
        "evaluate": evaluate_command,
        "report": report_command,
        "export": export_command,
        "solve": solve_command,
        "vote": vote_command,
        "multiplicity": multiplicity_command,
        "compare": compare_command,
        "cite": cite_command,
    }
    if arguments[:1] == ["help"]:
        arguments = [*arguments[1:], "--help"]
    if not arguments or arguments[0] in ("-h", "--help"):
        print(USAGE, end="")
        return 0
    if arguments[0] == "--version":
        import stackjax

        print(stackjax.__version__)
        return 0
    if arguments[0] not in commands:
        raise InputError(
            f"command {arguments[0]!r} must be one of {', '.join(commands)}.{near_matches(arguments[0], commands)}"
        )
    if arguments[0] in COMPUTE:
        check_xla_flags()
        gc.set_threshold(100_000, 20, 100)  # tracing makes many objects that stay: 5 % of a short run
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning  # type: ignore[assignment]
        return commands[arguments[0]](arguments[1:])


def _show_warning(message: Warning | str, category: type[Warning], *place: object) -> None:
    """What the library has to say to its user is one line; where in the code it says so is of no use to them."""
    if issubclass(category, RuntimeWarning):
        print(f"stackjax: warning: {' '.join(str(message).split())}", file=sys.stderr)
