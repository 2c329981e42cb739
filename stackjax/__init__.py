"""stackjax learns how to lead: the commitment that pays best once self-interested followers have learned to answer it.

The public names are those of ``__init__.pyi``, and of `stackjax.extensive`, `stackjax.followers`, `stackjax.interop`,
`stackjax.markov`, `stackjax.menus` and `stackjax.testing`. They are loaded when first used, so that importing the package (and
``stackjax --help``) costs no JAX.
"""

import lazy_loader

from stackjax._version import __version__ as __version__

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
