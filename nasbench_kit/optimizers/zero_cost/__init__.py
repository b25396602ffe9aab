"""Searches that use what is known of each architecture without training it."""
