"""The only vocabulary that the actors share: frozen messages, value types, the closed catalogue."""
