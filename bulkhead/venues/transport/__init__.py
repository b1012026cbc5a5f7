"""The only users of httpx and websockets."""
