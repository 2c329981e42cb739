from .environments import to_gymnasium as to_gymnasium
from .environments import to_gymnasium_vector as to_gymnasium_vector
from .gambit import save_nfg as save_nfg
from .onnx_policy import policy_to_onnx as policy_to_onnx
from .played import PlayedActions as PlayedActions
from .played import classic as classic
from .solvers import to_nashpy as to_nashpy
from .solvers import to_openspiel as to_openspiel
