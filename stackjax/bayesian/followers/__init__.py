"""How followers answer: learning rules and the response phase."""
