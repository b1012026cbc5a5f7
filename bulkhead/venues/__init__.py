"""Venues: the port, wire codecs, transports, adapters, and the simulated venue."""
