"""How notices are hidden: AES-256-CBC, PKCS7, base64. Key and initial value are told as text and used as its bytes."""

import base64
import secrets
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

_BLOCK_BITS = 128


@dataclass(frozen=True, slots=True)
class SessionKey:
    """32 characters of key, 16 of initial value."""

    key: str = field(repr=False)
    iv: str = field(repr=False)

    @classmethod
    def new(cls) -> "SessionKey":
        return cls(secrets.token_hex(16), secrets.token_hex(8))

    def encrypt(self, text: str) -> str:
        padder = PKCS7(_BLOCK_BITS).padder()
        padded = padder.update(text.encode()) + padder.finalize()
        encryptor = Cipher(algorithms.AES(self.key.encode()), modes.CBC(self.iv.encode())).encryptor()
        return base64.b64encode(encryptor.update(padded) + encryptor.finalize()).decode()
