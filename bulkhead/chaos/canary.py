"""A secret that can be recognised, in the environment of every run: under the names that keys usually have there."""

import base64
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager
from unittest.mock import patch
from urllib.parse import quote_plus

SECRET = "canary/7Qz+vK2xN9wLr4Tb8Yd3"  # noqa: S105 - it opens nothing
NAMES = ("BULKHEAD_API_KEY", "BULKHEAD_API_SECRET", "BULKHEAD_KIS_APP_SECRET")


def in_environment() -> AbstractContextManager[object]:
    """For as long as it lasts."""
    return patch.dict(os.environ, dict.fromkeys(NAMES, SECRET))


def spellings(secret: str) -> Iterator[bytes]:
    """As it is, quoted for an address, in hexadecimal digits, and in base64 wherever it may stand there."""
    raw = secret.encode()
    yield raw
    yield quote_plus(secret).encode()
    yield raw.hex().encode()
    for shift in range(3):
        text = base64.b64encode(b"\0" * shift + raw).rstrip(b"=")
        yield text[-(-shift * 8 // 6) : len(text) - 1]
