"""The version of the package; its data have hashes instead."""

__version__ = "0.2.0"
