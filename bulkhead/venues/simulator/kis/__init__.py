"""The simulated venue in the words of KIS (Korea Investment & Securities): REST, WebSocket, and the rules of KRX."""
