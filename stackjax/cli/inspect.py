"""``stackjax list | solve | report | export | cite``: what there is, what is known, what runs have left, and what to cite."""

import dataclasses
import json
import pathlib
from typing import Annotated

from stackjax import _version, registry
from stackjax.cli.arguments import fail, game_argument, parse, run_at
from stackjax.cli.train import section_fields
from stackjax.errors import InputError, UnsolvedError
from stackjax.solvers.registry import registered_solvers
from stackjax.specs.sources import family_of

__all__ = ["cite_command", "export_command", "list_command", "report_command", "solve_command"]

ENTRIES = """\
@software{{stackjax,
  title = {{stackjax: learning to lead in {{JAX}}}},
  version = {{{version}}},
  year = {{2026}},
}}

@misc{{brero2023stackelberg,
  title = {{Stackelberg {{POMDP}}: A Reinforcement Learning Approach for Economic Design}},
  author = {{Brero, Gianluca and Eden, Alon and Chakrabarti, Darshan and Gerstgrasser, Matthias and Li, Vincent and
    Parkes, David C.}},
  year = {{2023}},
  eprint = {{2210.03852}},
  archiveprefix = {{arXiv}},
}}
"""


def list_command(arguments: list[str]) -> int:
    @dataclasses.dataclass(frozen=True)
    class ListSettings:
        """The games, their options and known optima."""

        json: bool = False
        """Machine-readable."""

    settings = parse(ListSettings, arguments, "stackjax list")
    entries = registry.registered_games()
    if settings.json:
        games = [
            {
                "name": game.name,
                "summary": game.summary,
                "optimum": game.optimum,
                "options": {field.name: field.default for field in dataclasses.fields(game.options)},
            }
            for game in entries
        ]
        print(json.dumps(games, indent=2))
        return 0
    from rich.table import Table

    from stackjax.reports.display import plain_console

    table = Table("game", "optimum", "what the leader does", "options", box=None, pad_edge=False)
    for game in entries:
        plain = lambda value: str(value).replace(", ", ",")  # what is cut at blanks is not read as one
        options = [f"{field.name.replace('_', '-')}={plain(field.default)}" for field in dataclasses.fields(game.options)]
        table.add_row(game.name, game.optimum, game.summary, "\n".join(options))
    for column in (table.columns[0], table.columns[3]):
        column.no_wrap = True  # what one must type is never cut
    console = plain_console()
    console.width = max(console.width, 80)
    with console.capture() as text:
        console.print(table)
    print(text.get())  # by ourselves: rich ends the program, with code 1, when nobody reads on
    print("Options are given as --game.OPTION VALUE; payoffs are in game units.\n")
    print("solvers (--solver NAME):")
    for solver in registered_solvers():
        print(f"  {solver.name:<10} {solver.summary}")
    print("\nSales too large for a table, and judges of what you bring, are functions of Python: see docs/functions.md")
    return 0


def solve_command(arguments: list[str]) -> int:
    source, rest = game_argument(arguments, "solve")
    family = family_of(source)
    fields = section_fields({"game": source.options, **family.sections}, rest, family.defaults())
    settings_type = dataclasses.make_dataclass("Settings", [*fields, ("json", bool, False)], frozen=True)
    settings = parse(settings_type, rest, f"stackjax solve {arguments[0]}")
    game = source.build(dataclasses.asdict(settings.game))
    sections = {name: getattr(settings, name) for name in family.sections}
    try:
        found = family.solve(game) if sections == family.defaults() else family.solve_against(game, sections)
    except (UnsolvedError, ArithmeticError) as error:
        if settings.json:
            print(json.dumps({"game": game.name, "reason": str(error)}))
        asked = " ".join(one for one in arguments if one != "--json")
        way_round = f"; stackjax train {asked} --out DIR looks for a good commitment instead"
        return fail(f"{error}{way_round}", 1)
    print(json.dumps({"game": game.name, **found.content}) if settings.json else "\n".join(found.words))
    return 0


def report_command(arguments: list[str]) -> int:
    import tyro

    @dataclasses.dataclass(frozen=True)
    class ReportSettings:
        """Write report.html again from what a run has left; of several runs, also a page that compares them."""

        directories: Annotated[tuple[pathlib.Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="DIR...")]
        """Runs."""
        out: pathlib.Path = pathlib.Path("comparison.html")
        """Where to write the comparison."""

    settings = parse(ReportSettings, arguments, "stackjax report")
    if not settings.directories:
        raise InputError("report needs the directory of a run, or of several")
    if len(settings.directories) > 1 and settings.out.suffix != ".html":
        raise InputError(f"out={str(settings.out)!r} must end in .html")
    directories = [run_at(path) for path in settings.directories]
    from stackjax.reports.report import write_comparison, write_report

    for directory in directories:
        directory.check_game_file()
        result = directory.read_result()
        with directory.damage_told():
            write_report(directory, result)
        print(directory.report)
    if len(directories) > 1:
        write_comparison(directories, settings.out)
        print(settings.out)
    return 0


def export_command(arguments: list[str]) -> int:
    import tyro

    @dataclasses.dataclass(frozen=True)
    class ExportSettings:
        """Write a run to a file: a seed's commitment and its followers' play, to be read without stackjax, or what goes into a
        paper, the table of all seeds or a figure.
        """

        directory: Annotated[pathlib.Path, tyro.conf.Positional, tyro.conf.arg(metavar="DIR")]
        """A run."""
        file: Annotated[pathlib.Path, tyro.conf.Positional, tyro.conf.arg(metavar="FILE")]
        """Where to: .json, .npz; .onnx for the policy network alone; .csv, .tex for the table; .svg, .pdf for a figure."""
        seed: int | None = None
        """Which seed; by default the one with the highest payoff."""
        figure: str | None = None
        """Which figure: payoff (the default), gap, return, or picture, picture-2, ... for what the seed learned."""

    settings = parse(ExportSettings, arguments, "stackjax export")
    from stackjax.disk.directory import RunDirectory

    directory = RunDirectory(settings.directory).open_existing()
    directory.check_game_file()
    from stackjax.reports.export import export_run

    with directory.damage_told():
        what = export_run(directory, settings.file, settings.seed, settings.figure)
    print(f"{settings.file} ({what})")
    return 0


def cite_command(arguments: list[str]) -> int:
    if arguments[:1] in (["-h"], ["--help"]):
        print("usage: stackjax cite\n\nPrint the BibTeX entries of the library and of the paper whose method it is.")
        return 0
    if arguments:
        raise InputError(f"cite takes nothing, not {' '.join(arguments)}")
    print(ENTRIES.format(version=_version.__version__), end="")
    return 0
