"""What a strategy is: its code, its symbols and its parameters, as one hash. How a paper record is found again.

Of the code it covers the file that defines the class, not what that file imports. Sizes are not in it: live begins
smaller than paper.
"""

import hashlib
import inspect
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bulkhead.app.masking import masked
from bulkhead.strategy.api import Strategy


def fingerprint_of(found: type[Strategy], symbols: Sequence[str], parameters: dict[str, Any]) -> str:
    """Hex. Where the code's file cannot be read, of its name alone. A secret among the parameters is left out."""
    said = {
        "class": f"{found.__module__}:{found.__qualname__}",
        "code": _code_of(found),
        "symbols": sorted(symbols),
        "parameters": masked("", parameters),
    }
    text = json.dumps(said, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _code_of(found: type[Strategy]) -> str:
    try:
        file = inspect.getsourcefile(found)
        return "" if file is None else hashlib.sha256(Path(file).read_bytes()).hexdigest()
    except (OSError, TypeError):
        return ""
