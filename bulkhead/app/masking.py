"""What must not be shown or kept of settings.

Settings name secrets and hold none, with two exceptions that are masked here: a URL may carry a password or a token,
and a strategy's own parameters may be called anything.
"""

import re

MASK = "********"
_SECRET_KEY = re.compile(
    r"secret|passw|passphrase|pwd|token|(ap[ip]|access|signing)[-_]?key|credential|private|auth|bearer|webhook|cookie|hmac",
    re.IGNORECASE,
)
_URL_LOGIN = re.compile(r"(?<=://)[^/\s]+@")
_URL_QUERY = re.compile(r"(://[^?#\s]*[?#])\S+")
_URL_OF_ANOTHER = re.compile(r"\b(?!(?:https?|wss?|sqlite|file|postgres\w*)://)([A-Za-z][A-Za-z0-9+.-]*://)\S+")
"""Where it is not known what the parts mean, as for the targets of alerts: any may be a token."""
_NAMES_ONLY = frozenset({"api_key_env", "api_secret_env", "app_key_env", "app_secret_env", "token_file"})
"""Names of environment variables, and of a file, not what is in them."""


def masked(key: str, value: object) -> object:
    """The value, unless it is or holds a secret; `key` may be dotted, and its last part counts."""
    name = key.rpartition(".")[2]
    if value is not None and name not in _NAMES_ONLY and _SECRET_KEY.search(name):
        return MASK
    if isinstance(value, dict):
        return {inner: masked(str(inner), item) for inner, item in value.items()}
    if isinstance(value, list | tuple):
        return [masked("", item) for item in value]
    return _masked_url(value) if isinstance(value, str) else value


def _masked_url(text: str) -> str:
    """Without a login, and without what is asked of it: hooks carry their tokens there."""
    text = _URL_OF_ANOTHER.sub(rf"\g<1>{MASK}", text)
    return _URL_QUERY.sub(rf"\g<1>{MASK}", _URL_LOGIN.sub(f"{MASK}@", text))
