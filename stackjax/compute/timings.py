"""Where the seconds of a run go: what JAX tells of tracing, lowering and compiling, beside what the run measures itself."""

import functools
import time

import jax

__all__ = ["Timings", "new_timings"]

Timings = dict[str, float]  # seconds by part; programs compile side by side, so parts may add up to more than has passed
OF_JAX = {
    "/jax/core/compile/jaxpr_trace_duration": "tracing",
    "/jax/core/compile/jaxpr_to_mlir_module_duration": "lowering",
    "/jax/core/compile/backend_compile_duration": "compiling",
}
_current: Timings = dict.fromkeys(OF_JAX.values(), 0.0)


@functools.cache
def _listen() -> None:
    def note(event: str, duration_secs: float, **_: str | int) -> None:
        if event in OF_JAX:
            _current[OF_JAX[event]] += duration_secs

    jax.monitoring.register_event_duration_secs_listener(note)


def new_timings() -> Timings:
    """Timings that JAX adds to until the next ones; ``imports`` are the CPU seconds of this process so far."""
    global _current
    _listen()
    _current = {"imports": time.process_time(), **dict.fromkeys(OF_JAX.values(), 0.0)}
    return _current
