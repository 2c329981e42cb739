"""``stackjax multiplicity`` and ``stackjax compare``: what else pays the leader as much, and what changes between two runs."""

import dataclasses
import json
import pathlib
from typing import Annotated

from stackjax.cache import keep_compiled_programs
from stackjax.cli.arguments import parse, run_at
from stackjax.errors import InputError

__all__ = ["compare_command", "multiplicity_command"]


def multiplicity_command(arguments: list[str]) -> int:
    import tyro

    @dataclasses.dataclass(frozen=True)
    class MultiplicitySettings:
        """Commitments that pay the leader the best, but for a slack: whom they pay what, in what they differ, which to choose.

        Writes multiplicity.html into the run's directory.
        """

        directory: Annotated[pathlib.Path, tyro.conf.Positional, tyro.conf.arg(metavar="DIR")]
        """A finished run."""
        slack: float = 0.0
        """What a commitment may pay the leader less than the best, in units of the game's payoffs."""
        second: str = "followers"
        """By what the best of them is told: followers (the sum of their payoffs), least-follower, equality, revenue, or one
        follower, "follower 1"."""
        measure: str = "allocation"
        """What counts as an outcome: allocation, what happens, or payments, that and what followers are paid."""
        seed: int = 0
        """Of all that is drawn."""
        game: pathlib.Path | None = None
        """The Python file of the run's game, if that is what it is; it is executed."""
        json: bool = False
        """Machine-readable."""

    settings = parse(MultiplicitySettings, arguments, "stackjax multiplicity")
    directory = run_at(settings.directory)
    keep_compiled_programs()
    from stackjax.reports.alike import in_words, write_multiplicity
    from stackjax.reports.display import LiveProgress
    from stackjax.runs.multiplicity import multiplicity

    asked = settings.slack, settings.second, settings.measure
    with LiveProgress() as live:
        found = multiplicity(directory.path, *asked, seed=settings.seed, game_file=settings.game, told=live.stage)
    place = directory.path / "multiplicity.html"
    write_multiplicity(place, found)
    if settings.json:
        print(json.dumps(found.to_dict(), indent=2))
    else:
        print("\n".join([*in_words(found), "", f"page: {place}"]))
    return 0


def compare_command(arguments: list[str]) -> int:
    import tyro

    @dataclasses.dataclass(frozen=True)
    class CompareSettings:
        """What changes if the second run's best commitment takes the place of the first one's: churn, who gains, who loses."""

        directories: Annotated[tuple[pathlib.Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="DIR DIR")]
        """Two finished runs of one game."""
        out: pathlib.Path | None = None
        """A page, .html, to write it to, with pictures."""
        seed: int = 0
        """Of the followers' draws."""
        game: pathlib.Path | None = None
        """The Python file of the runs' game, if that is what it is; it is executed."""
        json: bool = False
        """Machine-readable."""

    settings = parse(CompareSettings, arguments, "stackjax compare")
    if len(settings.directories) != 2:
        raise InputError(f"compare takes two directories, not {len(settings.directories)}")
    if settings.out is not None and settings.out.suffix != ".html":
        raise InputError(f"out={settings.out} must end in .html")
    first, second = (run_at(path).path for path in settings.directories)
    keep_compiled_programs()
    from stackjax.reports.alike import compared_in_words, write_comparison_page
    from stackjax.runs.multiplicity import compare

    found = compare(first, second, seed=settings.seed, game_files=(settings.game, settings.game))
    if settings.out is not None:
        write_comparison_page(settings.out, found)
    print(json.dumps(found.to_dict(), indent=2) if settings.json else "\n".join(compared_in_words(found)))
    return 0
