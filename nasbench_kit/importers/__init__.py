"""Importers: one module per official release, each from its files to a table of ours, executing nothing in them."""
