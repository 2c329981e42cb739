"""The learner of the Stackelberg POMDP."""
