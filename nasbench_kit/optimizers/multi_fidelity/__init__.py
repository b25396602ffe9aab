"""Searches that train many architectures for a few epochs, and few for many."""
