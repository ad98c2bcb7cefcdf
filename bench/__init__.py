"""Ours and the usual way, side by side in one run: medians and ratios. Never a timed test."""
