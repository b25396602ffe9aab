"""Searches along the gradient of a surrogate's prediction. No weights are shared: nothing is trained meanwhile."""
