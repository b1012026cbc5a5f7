"""Codec + transport = a venue or a feed behind the port."""
