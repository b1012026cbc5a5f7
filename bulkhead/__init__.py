"""Supervised execution for trading strategies. `from bulkhead import Strategy, Decision` is what users need."""
