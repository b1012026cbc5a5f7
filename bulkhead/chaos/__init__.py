"""Breaking it on purpose: real runs, sockets and disks, and an oracle that shares no code with the order path."""
