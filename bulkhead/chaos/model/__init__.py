"""The venue as a model: what stands for the outside in simulation. It shares no code with the order path."""
