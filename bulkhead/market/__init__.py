"""Market data as pure functions: order, repeats, freshness, sources, quality, calendars. No I/O and no clock."""
