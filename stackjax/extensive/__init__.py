"""The extensive family: games with imperfect information, in which the leader commits to a behaviour at each of its sets."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
