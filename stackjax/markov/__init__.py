"""The Markov family: a commitment leaves followers a Markov decision process, and they answer by planning."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
