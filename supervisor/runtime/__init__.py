"""The one place that knows pykka, threads and clocks: cells, mailboxes, hosts."""
