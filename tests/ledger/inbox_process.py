"""Started by test_inbox.py: a sender that knows nothing but the sqlite3 module. Arguments: what to do, and the file.

It prints a line when it has done it, and then waits for one on its standard input.
"""

import sqlite3
import sys

INSERT = (
    "INSERT INTO order_intents (action_key, strategy_id, symbol, side, intent_type, quantity) "
    "VALUES (?, 'model', 'BTCUSDT', 'BUY', 'ENTRY', '0.015')"
)


def main(what: str, path: str) -> None:
    inbox = sqlite3.connect(path, timeout=5, isolation_level=None)
    if what == "many":
        for number in range(200):
            inbox.execute(INSERT, (f"{sys.argv[3]}-{number}",))
    elif what == "open":  # a transaction that nobody ends
        inbox.execute("BEGIN IMMEDIATE")
        inbox.execute(INSERT, ("left-open",))
    elif what == "exclusive":
        inbox.execute("PRAGMA locking_mode=EXCLUSIVE")
        inbox.execute(INSERT, ("exclusive",))
    print("done", flush=True)
    sys.stdin.readline()


if __name__ == "__main__":
    main(*sys.argv[1:3])
