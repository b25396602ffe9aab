"""Searches for the best architecture that keeps to limits: of latency, energy, size."""
