"""Durable truth: the chained events, the tables made from them, and what is exported."""
