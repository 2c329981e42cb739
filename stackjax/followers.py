"""Followers on their own: learning rules, the response phase, plays and regrets. The public names are in ``followers.pyi``."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub("stackjax", __file__)
