"""Paper execution by fill model: orders filled on this machine, from the market data of any feed."""
