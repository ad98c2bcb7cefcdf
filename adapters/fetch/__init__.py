"""Asking a provider: one client for each, with its manners, over a pooled transport."""
