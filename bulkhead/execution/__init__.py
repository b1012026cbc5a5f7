"""The order path, pure: (state, event, now) -> (state, effects)."""
