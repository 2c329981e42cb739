"""What is handed on: a wheel that works without the repository, and one version and one set of authors everywhere."""

import os
import pathlib
import re
import subprocess
import sys
import tarfile
import zipfile

import pytest
import yaml

import stackjax
from stackjax.cli import inspect as cite

ROOT = pathlib.Path(__file__).parent.parent


def test_version_and_authors_are_said_once():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == stackjax.__version__
    assert f"## {stackjax.__version__}\n" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    (paper,) = citation["references"]
    said = re.search(r"author = \{\{(.*?)\}\}", cite.ENTRIES, re.DOTALL)[1]
    names = [" ".join(name.split()) for name in re.split(r"\band\b", said)]
    assert names == [f"{author['family-names']}, {author['given-names']}" for author in paper["authors"]]
    assert paper["url"].rpartition("/")[2] in cite.ENTRIES


def test_what_runs_elsewhere_is_what_runs_here():
    flow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))
    job = flow["jobs"]["test"]
    assert job["steps"][-1] == {"run": ".ci/run"}
    locks = sorted(path.stem.removeprefix("python") for path in (ROOT / "locks").iterdir())
    assert job["strategy"]["matrix"]["python"] == locks
    (hooks,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    lock = (ROOT / f"locks/python{locks[0]}.txt").read_text(encoding="utf-8")
    assert f"ruff=={hooks['rev'].removeprefix('v')}\n" in lock


@pytest.mark.long
def test_a_wheel_works_where_nothing_else_is(tmp_path):
    """Built, installed into an empty environment, and tried in an empty folder: train, solve, report, evaluate."""
    subprocess.run([sys.executable, "-m", "build", "--outdir", tmp_path / "dist", ROOT], check=True, capture_output=True)
    (wheel,), (source,) = (tmp_path / "dist").glob("*.whl"), (tmp_path / "dist").glob("*.tar.gz")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    tracked = subprocess.run(
        ["git", "ls-files", "stackjax"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    assert set(tracked) <= names
    assert not any(name.startswith(("tests/", "experiments/", "benchmarks/")) for name in names)
    with tarfile.open(source) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    assert {*tracked, "README.md", "LICENSE", "pyproject.toml"} <= inside
    python = tmp_path / "venv/bin/python"
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    lock = ROOT / "locks" / f"python{sys.version_info.major}.{sys.version_info.minor}.txt"
    install = ["-m", "pip", "install", "--quiet", "--no-compile", "--constraint", lock, wheel]
    subprocess.run([python, *install], check=True, capture_output=True)
    (tmp_path / "empty").mkdir()
    clean = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "SAID")}
    clean["XDG_CACHE_HOME"] = str(tmp_path / "cache")

    def run(*arguments):
        command = [tmp_path / "venv/bin/stackjax", *arguments]
        return subprocess.run(command, cwd=tmp_path / "empty", env=clean, check=True, capture_output=True, text=True).stdout

    assert run("solve", "maintain").startswith("maintain: 20 (closed-form)")
    assert "every seed has reached the optimum" in run("train", "maintain", "--seeds", "2", "--out", "run")
    assert list((tmp_path / "cache/stackjax").glob("hedge-*.so"))  # built from the sources in the wheel
    run("report", "run")
    run("evaluate", "run")
    assert "<svg" in (tmp_path / "empty/run/report.html").read_text(encoding="utf-8")
    where = [python, "-c", "import stackjax; print(stackjax.__file__)"]
    found = subprocess.run(where, cwd=tmp_path / "empty", env=clean, check=True, capture_output=True, text=True).stdout
    assert found.startswith(str(tmp_path / "venv"))
