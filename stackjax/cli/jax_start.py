"""When JAX does not start, or is set up as no run can use it: one line that names the variable, and what there is."""

import hashlib
import os
import re
import subprocess
import sys
import traceback

from stackjax.cache import cache_folder
from stackjax.errors import InputError

__all__ = ["check_xla_flags", "why_jax_fails"]


def check_xla_flags() -> None:
    """Raise `InputError` where XLA refuses ``XLA_FLAGS``: it would end this process. What it takes is remembered."""
    flags = os.environ.get("XLA_FLAGS", "").strip()
    if not flags:
        return
    import importlib.metadata

    known = hashlib.sha256(f"{importlib.metadata.version('jaxlib')} {sys.prefix} {flags}".encode()).hexdigest()[:16]
    accepted = cache_folder() / f"xla-flags-{known}"
    if accepted.exists():
        return
    tried = _python("import jax; jax.devices('cpu')", {**os.environ, "JAX_PLATFORMS": "cpu"})
    if tried.returncode == 0:
        accepted.touch()
    elif "XLA_FLAGS" in tried.stderr:
        found = re.search(r"Unknown flags? in XLA_FLAGS: *([^\n]*)", tried.stderr)
        wrong = f"does not know {found[1]}" if found else f"cannot read {flags}"
        raise InputError(f"XLA_FLAGS: XLA {wrong}; correct it or leave it unset")


def why_jax_fails(error: BaseException) -> str | None:
    """``error`` in a line, if JAX's settings or this machine's devices are to blame; else None."""
    said = (str(error).strip().splitlines() or [""])[0][:300]
    if "Disallowed" in said and "transfer" in said:
        return f"JAX_TRANSFER_GUARD: {said.partition(':')[2].strip()}; leave it unset, or use log"
    files = [frame.filename.replace("\\", "/") for frame in traceback.extract_tb(error.__traceback__)]
    raised_in = {file.rpartition("/jax/_src/")[2] for file in files}
    if isinstance(error, ValueError) and "config.py" in raised_in:
        names = re.findall(r"jax_\w+|JAX_\w+", said)
        name = names[0].upper() if names else ""
        return f"{name}={os.environ.get(name, '')} cannot be used: {said}"
    if isinstance(error, (RuntimeError, AssertionError)) and "xla_bridge.py" in raised_in:
        asked = os.environ.get("JAX_PLATFORMS", "")
        why = said or "no such device was found here"
        if asked:
            return f"JAX_PLATFORMS={asked} cannot be used: {why}; here there is {_platforms()}, or leave it unset"
        return f"JAX finds no device: {why}"
    return None


def _platforms() -> str:
    """The platforms that start here, one of which is what JAX would choose by itself."""
    alone = {name: value for name, value in os.environ.items() if name != "JAX_PLATFORMS"}
    best = _python("import jax; print(jax.default_backend())", alone).stdout.strip()
    return "cpu" if best in ("", "cpu") else f"{best} and cpu"


def _python(code: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, errors="replace", check=False
    )
