"""From models and interactions to the lists of each surface."""
