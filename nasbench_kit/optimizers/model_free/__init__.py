"""Searches that learn from values alone: samples, populations, neighborhoods, policies."""
