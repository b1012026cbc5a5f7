"""Alembic revisions of the ledger, run by bulkhead.ledger.migrate; there is no env.py and no ini file.

A new revision is a module in versions/ with `revision` and `down_revision`, written by hand and never changed after a
release; add its id to `bulkhead.ledger.migrate.REVISIONS`.
"""
