"""Providers: facts in a table and a pure parse each; what they share around them; where jobs can run."""
