"""Run every experiment and write the table of claims in README.md: ``make reproduce``, or ``make reproduce-quick``."""

import concurrent.futures
import functools
import importlib
import multiprocessing
import pathlib
import time

import stackjax as sx
from stackjax.disk.files import write_text
from toolkit.results import claims_table
from toolkit.settings import HERE, RESULTS, Settings, run

EXPERIMENTS = (
    "normal_form",
    "matrix_design",
    "value_loss",
    "allocation",
    "posted_price",
    "ablations",
    "convergence",
    "posted_price_scaling",
    "response_models",
    "random_commitments",
    "bertrand_platform",
    "hidden_queries",
    "oracles_and_followers",
    "contracts",
    "tariffs",
    "menus",
    "auctions",
    "data_market",
    "persuasion",
    "sequential_auctions",
    "leaders",
    "principals",
    "security",
    "large_mechanisms",
    "commitment_in_trees",
    "abcs",
    "abcs_stack",
)
START, END = "<!-- claims: written by reproduce.py -->", "<!-- end of claims -->"


def write_table(readme: pathlib.Path, results: pathlib.Path) -> None:
    """Put the claims of ``results`` between the markers in ``readme``."""
    text = readme.read_text(encoding="utf-8")
    if text.count(START) != 1 or text.count(END) != 1:
        raise sx.InputError(f"{readme} must hold the lines {START!r} and {END!r} once each")
    before, after = text.split(START)[0], text.split(END)[1]
    write_text(readme, f"{before}{START}\n\n{claims_table(results, list(EXPERIMENTS))}\n{END}{after}")


def experiment(name: str, settings: Settings) -> None:
    importlib.import_module(name).main(settings)


def main(settings: Settings) -> None:
    started, one = time.perf_counter(), functools.partial(experiment, settings=settings)
    if settings.quick:  # mostly compilation, which takes one core
        with concurrent.futures.ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
            list(pool.map(one, EXPERIMENTS))
    else:
        list(map(one, EXPERIMENTS))
    if settings.out == RESULTS and not settings.quick:
        write_table(HERE / "README.md", settings.out)
    print(f"{len(EXPERIMENTS)} experiments in {(time.perf_counter() - started) / 60:.1f} minutes; results in {settings.out}")


if __name__ == "__main__":
    run(main)
