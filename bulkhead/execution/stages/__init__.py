"""The stages of the micro-pipeline: precheck, split (and its schedule), send, monitor, adjust, escape. Each is a pure
function of plain values."""
