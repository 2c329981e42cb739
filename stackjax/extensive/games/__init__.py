"""The games in extensive form that the library brings, each as a function of histories."""
