"""The leader's learner."""
