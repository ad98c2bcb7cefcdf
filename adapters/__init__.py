"""Providers: facts in a table and a pure parse each; the offer model, errors, names, units and HTTP they share."""
