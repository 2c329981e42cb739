"""Stackelberg problems in the hands of other libraries: Gymnasium, ONNX, Gambit, nashpy and OpenSpiel."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
