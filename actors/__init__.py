"""The actors of the house: one file each, no threads, no I/O."""
