"""One module for each command: what it does, imported when it is called."""
