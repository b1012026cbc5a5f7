"""Risk limits, pure: exposure, pre-trade and post-trade checks."""
