"""Every setting of the leader's learner, typed. Free of JAX, so that the command line can show it quickly."""

import dataclasses
from typing import Literal, get_args

from stackjax.errors import names_its_options, require, require_count, require_number, require_positive
from stackjax.solvers.config import differs, require_in_use, require_widths

__all__ = ["PPOConfig"]

COUNTS = {  # least and most: beyond these a program cannot be built in any reasonable time, or a count does not fit
    "num_updates": (1, 2**31 - 1),
    "num_envs": (1, 10_000_000),
    "num_steps": (1, 2**31 - 1),
    "num_epochs": (1, 10_000),
    "num_minibatches": (1, 1_000_000),
    "response_samples": (0, 10_000),
    "reward_samples": (1, 10_000),
    "grid_points": (2, 10_000),
}
IDLE = (  # settings that do nothing unless another one has this value
    ("num_steps", "path", "step"),
    *((name, "path", "committed") for name in ("returns", "box_top_share", "held_share", "response_samples", "reward_samples")),
    ("grid_points", "box_policy", "grid"),
    ("grid_start", "box_policy", "grid"),
    ("gaussian_std", "box_policy", "gaussian"),
    *((name, "credit", "commitment") for name in ("returns", "box_top_share", "held_share")),
    *((name, "credit", "all") for name in ("response_samples", "reward_samples", "response_visibility")),
)


@names_its_options
@dataclasses.dataclass(frozen=True)
class PPOConfig:
    """Settings of PPO.

    Fields marked *traced* may hold JAX scalars, so that a sweep over them is one ``vmap``; the others are static.
    """

    path: Literal["committed", "step"] = "committed"
    """Committed: whole episodes from tabulated games. Step: one leader decision a step, as in the paper's Appendix C."""
    credit: Literal["commitment", "all"] = "commitment"
    """Which decisions the policy learns from. Commitment: the first at each observation of an episode, which makes the
    commitment there; the critic sees it before the followers have answered it. All: also those that repeat it, as in the
    paper, though a critic that sees the followers' answer knows what the commitment is worth and leaves them no advantage."""
    returns: Literal["expected", "sampled"] = "expected"
    """Committed path, commitments credited: what an episode earns. Expected: its reward phase's payoff on average over types
    and play, exactly. Sampled: of the sub-episodes drawn, as on the step path."""
    num_updates: int = 200
    """PPO updates; a rollout comes before each."""
    num_envs: int = 256
    """Stackelberg episodes in parallel."""
    num_steps: int = 128
    """Step path: leader decisions per environment and update."""
    response_samples: int = 2
    """Committed path, all credited: response-phase sub-episodes per episode that reach the batch."""
    reward_samples: int = 1
    """Committed path, all credited: reward-phase sub-episodes per episode that reach the batch. With 1 the return
    to go at it is the whole return; with more the critic would also have to know how much of the phase is left."""
    num_epochs: int = 4
    """Passes over each batch."""
    num_minibatches: int = 1
    """Gradient steps per pass."""
    critic_inputs: Literal["none", "phase", "weights", "state"] = "weights"
    """What the critic sees beside the leader's observation: nothing (plain PPO), the phase, the phase and the followers'
    weight tables (the paper's MAPPO), or also types, drawn actions, whose counterfactual is played and how far it is."""
    box_policy: Literal["grid", "gaussian"] = "grid"
    """For leader actions in a box: a categorical over evenly spaced points for each entry, or a Gaussian clipped to the
    box."""
    grid_points: int = 21
    """Points per entry of the grid policy, both ends included."""
    grid_start: Literal["even", "low"] = "low"
    """How the grid policy starts: every point as likely as the others, or the lowest one favoured (the chance of the others
    together is about one in seven), so that commitments of few entries are tried: mixes of few rows, few payments."""
    box_top_share: float = 0.08
    """Leader actions in a box, committed path, commitments credited: the share of an update's commitments that the policy is
    drawn to at the start, by how much their advantage exceeds that of the others; it grows to all of them, its logarithm
    linearly. Small at first because the best commitment is sought, not a good average; 1 is plain PPO. Where actions are
    discrete plain PPO did better in trials on random Bayesian games. Traced."""
    held_share: float = 0.05
    """Committed path, commitments credited: the share of an update's episodes that play the best commitment so far once more.
    It is forgotten least easily that way, and what it pays is measured again. 0 is plain PPO."""
    hidden_sizes: tuple[int, ...] = (64, 64)
    """Widths of the hidden layers of actor and critic (tanh)."""
    learning_rate: float = 5e-3
    """Adam's step size at the start; falls linearly to zero. Traced."""
    entropy_coefficient: float = 0.02
    """Weight of the entropy bonus at the start; falls linearly to zero. Traced."""
    clip_epsilon: float = 0.2
    """Clipping range of the probability ratio. Traced."""
    gae_lambda: float = 1.0
    """λ of generalised advantage estimation. Less than 1 lets the critic's later values stand for the return. Traced."""
    discount: float = 1.0
    """γ; the Stackelberg POMDP is undiscounted. Less than 1 is for the step path only. Traced."""
    value_coefficient: float = 0.5
    """Weight of the value loss. Traced."""
    max_grad_norm: float = 0.5
    """Largest global norm of a gradient, actor and critic apart. Traced."""
    gaussian_std: float = 0.5
    """Gaussian policy: standard deviation at the start, as a share of half the box. Traced."""
    response_visibility: float = 1.0
    """Share of response-phase decisions that reach the batch: 1 is the Stackelberg POMDP, 0 the paper's Basic POMDP. Less
    than 1 is for crediting all: most commitments are made in the response phase. Traced."""

    def __post_init__(self) -> None:
        for name, (least, most) in COUNTS.items():
            require_count(name, getattr(self, name), least, most)
        for name in ("learning_rate", "max_grad_norm", "gaussian_std", "clip_epsilon", "box_top_share"):
            require_positive(name, getattr(self, name))
        for name in ("path", "credit", "returns", "grid_start", "critic_inputs", "box_policy"):
            allowed = get_args(self.__dataclass_fields__[name].type)
            require(name, getattr(self, name), getattr(self, name) in allowed, f"one of {', '.join(allowed)}")
        require_widths(self.hidden_sizes, "(64, 64)")
        for name in ("entropy_coefficient", "value_coefficient"):
            require_number(name, getattr(self, name), lambda weight: weight >= 0, "a finite number of at least 0")
        for name in ("gae_lambda", "box_top_share", "held_share", "discount", "response_visibility"):
            require_number(name, getattr(self, name), lambda share: 0 <= share <= 1, "between 0 and 1")
        require_in_use(self, IDLE)
        if self.path == "committed":
            only = "1 on the committed path, which skips decisions; use path='step'"
            require_number("discount", self.discount, lambda discount: discount == 1, only)

    @property
    def credits_commitments(self) -> bool:
        """Whether each decision that is learned from makes a part of the commitment, and earns the whole return."""
        return self.path == "committed" and self.credit == "commitment"

    def differs(self, name: str) -> bool:
        """Whether a setting is another than the default; a traced one is not asked."""
        return differs(self, name)
