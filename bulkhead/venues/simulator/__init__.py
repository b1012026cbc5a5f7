"""A venue of our own on the wire: HTTP and WebSocket on loopback, in a real venue's format."""
