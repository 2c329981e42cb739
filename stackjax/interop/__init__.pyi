from .environments import to_gymnasium as to_gymnasium
from .environments import to_gymnasium_vector as to_gymnasium_vector
