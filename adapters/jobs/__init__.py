"""Running jobs: what every backend promises, and the backends."""
