"""Searches that learn a model of the values that they are told, and ask for what it promises."""
