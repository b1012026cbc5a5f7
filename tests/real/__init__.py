"""Against venues on the internet: skipped unless their keys are in the environment."""
