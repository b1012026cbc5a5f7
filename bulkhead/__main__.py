"""`python -m bulkhead`: the command line, where the `bulkhead` command is not on the path."""

from bulkhead.app.cli import main

if __name__ == "__main__":
    main()
