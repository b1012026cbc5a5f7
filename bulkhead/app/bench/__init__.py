"""`bulkhead bench`: how fast the house is on this machine, each figure beside the floor that the machine sets it."""
