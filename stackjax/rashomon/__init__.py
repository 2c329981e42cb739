"""Commitments that pay the leader alike (a Rashomon set): what they have in common, whom they pay what, which to choose.

The names of ``__init__.pyi`` are loaded when first used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
