"""Tests of the simulated venue's KIS dialect, by clients that share no code with it."""
