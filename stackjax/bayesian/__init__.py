"""The Bayesian family: followers with private types answer a commitment by learning."""

from stackjax.bayesian.problem import BayesianProblem

__all__ = ["BayesianProblem"]
