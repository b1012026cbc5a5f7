"""The read side: tail, explain, status, verify, reports."""
