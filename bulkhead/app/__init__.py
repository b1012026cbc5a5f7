"""Composition root: settings, the tree as data, bootstrap, preflight, command line."""
