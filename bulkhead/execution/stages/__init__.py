"""The stages of the micro-pipeline: precheck, split, send, monitor. Each is a pure function of plain values."""
