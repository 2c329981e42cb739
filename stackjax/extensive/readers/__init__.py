"""Games in extensive form as others write them: files become trees, nothing is executed."""
