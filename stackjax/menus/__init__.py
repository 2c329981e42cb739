"""The family of menus: a seller commits to options with prices, a buyer with a private type takes the best."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
