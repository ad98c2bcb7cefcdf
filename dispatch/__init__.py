"""Runs jobs where the feed says that they are cheapest: choose an offer, submit, follow, count the cost."""
