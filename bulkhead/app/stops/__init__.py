"""Stops that work while every actor hangs: the thread that sees new latches, and the one that cancels at the venue."""
