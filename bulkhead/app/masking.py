"""What must not be shown or kept of settings.

Settings name secrets and hold none, with two exceptions that are masked here: a URL may carry a password, and a
strategy's own parameters may be called anything.
"""

import re

MASK = "********"
_SECRET_KEY = re.compile(r"secret|passw|token|api_?key|credential|private", re.IGNORECASE)
_URL_LOGIN = re.compile(r"(?<=://)[^/@\s]+@")
_NAMES_ONLY = frozenset({"api_key_env", "api_secret_env"})
"""Names of environment variables, not what is in them."""


def masked(key: str, value: object) -> object:
    """The value, unless it is or holds a secret; `key` may be dotted, and its last part counts."""
    name = key.rpartition(".")[2]
    if value is not None and name not in _NAMES_ONLY and _SECRET_KEY.search(name):
        return MASK
    if isinstance(value, dict):
        return {inner: masked(str(inner), item) for inner, item in value.items()}
    if isinstance(value, list | tuple):
        return [masked("", item) for item in value]
    return _URL_LOGIN.sub(f"{MASK}@", value) if isinstance(value, str) else value
