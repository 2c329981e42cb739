"""``stackjax evaluate``: a run's commitments judged again, as they were, or against other followers."""

import dataclasses
import json
import pathlib
import warnings

from stackjax.cache import keep_compiled_programs
from stackjax.cli.arguments import parse, run_at
from stackjax.cli.options import cut, split_options
from stackjax.cli.train import section_fields
from stackjax.errors import InputError
from stackjax.specs.run import RunSpec

__all__ = ["evaluate_command"]

HELP = """\
usage: stackjax evaluate DIR [--game FILE.py]
       stackjax evaluate DIR --judge-seed SEED --SECTION.SETTING VALUE ... [--json]

Without settings: evaluate a finished run's commitments again; rewrites its result.json and report.html. For a game that is a
Python file add --game FILE.py: the file is executed, and must be the one that the run was trained on.

With settings of the game's family, for example --followers.kind regret-matching --pomdp.evaluation-rounds 5000, or with another
--judge-seed for the followers' draws: judge the same commitments so, print a table, or JSON, and leave the run as it is.
"""


@dataclasses.dataclass(frozen=True)
class JudgeSettings:
    """How commitments are judged."""

    judge_seed: int = 0
    """Seed of the followers' draws."""
    json: bool = False
    """Print all that is found as JSON."""


def evaluate_command(arguments: list[str]) -> int:
    if arguments[:1] in (["-h"], ["--help"]):
        print(HELP)
        return 0
    game, arguments = cut("--game", arguments, InputError("--game needs the Python file of the run's game"))
    game_file = None if game is None else pathlib.Path(game).resolve()
    if len(split_options(arguments)[0][1]) != 1:
        raise InputError(f"evaluate takes one directory first, not {' '.join(arguments) or 'nothing'}")
    directory = run_at(arguments[0])
    if len(arguments) == 1:
        keep_compiled_programs()
        from stackjax.reports.display import print_result
        from stackjax.runs.session import run_evaluation

        print_result(run_evaluation(directory, game_file), directory)
        return 0
    spec = RunSpec.from_file(directory.config, game_file)
    fields = section_fields(spec.family.sections, arguments[1:], spec.settings)
    kind = dataclasses.make_dataclass("Settings", fields, bases=(JudgeSettings,), frozen=True, kw_only=True)
    settings = parse(kind, arguments[1:], "stackjax evaluate DIR")
    keep_compiled_programs()
    from stackjax.runs.judged_again import judged_again

    sections = {name: getattr(settings, name) for name in spec.settings}
    other, is_same = dataclasses.replace(spec, settings=sections), sections == spec.settings
    with directory.damage_told():
        found = judged_again(directory, other, settings.judge_seed, same_settings=is_same)
    if settings.json:
        print(json.dumps(found, indent=1))
        return 0

    from stackjax.reports.display import optimum_in_words, plain_console, print_table

    console = plain_console()
    words = (
        f"{found['game']}: the run's commitments, followers {found['evaluation']['words']}; optimum {optimum_in_words(found)}"
    )
    console.print(words)
    print_table(found, console)
    for words in found["warnings"]:
        warnings.warn(words, RuntimeWarning, stacklevel=2)
    return 0
