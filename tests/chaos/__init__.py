"""The harness itself: its faults fire, its oracle goes red, and it stays green where nothing is wrong."""
