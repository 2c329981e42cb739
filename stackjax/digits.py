"""Numbers as they are known."""

__all__ = ["as_known"]

FLOAT32 = 2e-7  # relative: what a number that was float32 once may be off by


def as_known(value: float, size: float = 1.0) -> str:
    """``value`` in six digits where no more is lost than float32 rounds, else in ten; 0 if it is rounding beside ``size``."""
    if abs(value) <= FLOAT32 * size:
        return "0"
    short = f"{value:.6g}"
    return short if abs(float(short) - value) <= FLOAT32 * abs(value) else f"{value:.10g}"
