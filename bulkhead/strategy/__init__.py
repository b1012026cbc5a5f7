"""The interface that users implement, and the strategies we ship."""
