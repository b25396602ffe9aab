"""Searches for the best compromises between several objectives."""
