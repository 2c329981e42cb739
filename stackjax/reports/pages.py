"""Pages from templates: the one place that makes HTML."""

import functools
from typing import Any

__all__ = ["page"]


@functools.cache
def _environment() -> Any:
    import jinja2

    return jinja2.Environment(
        loader=jinja2.PackageLoader("stackjax.reports"), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )


def page(template: str, **content: Any) -> str:
    """``template`` filled in; everything but pictures is escaped."""
    return str(_environment().get_template(template).render(**content))
