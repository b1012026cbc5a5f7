"""The tree: child specs, restart budget, backoff, the gate, the supervisor itself."""
