"""Contracts: a principal pays one agent by outcome, or several by what they do, in every state of a decision process."""
