"""Sans-I/O codecs: bytes and dicts in, messages out; one file per venue."""
