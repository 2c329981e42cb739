"""The Bayesian family: followers with private types answer a commitment by learning."""
