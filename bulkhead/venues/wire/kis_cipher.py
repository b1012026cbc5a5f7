"""How KIS encrypts notices of orders: AES-256-CBC with PKCS7 padding, in base64; key and initial vector as their ASCII
bytes. Both come with the answer to the subscription, over a plain socket: this keeps nothing secret from the network.

The only module that knows the cryptography package. There is no message authentication: a wrong key or a changed byte
shows in the padding, in the UTF-8 or in the fields, and whoever reads the fields must be strict.
"""

import base64
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from bulkhead.venues.wire.fields import Malformed

KEY_BYTES, IV_BYTES = 32, 16
_BLOCK_BITS = 128


@dataclass(frozen=True, slots=True)
class NoticeKey:
    """Of one subscription. `repr` shows neither. Raises Malformed if they are not 32 and 16 ASCII characters."""

    key: str = field(repr=False)
    iv: str = field(repr=False)

    def __post_init__(self) -> None:
        if not (self.key.isascii() and len(self.key) == KEY_BYTES and self.iv.isascii() and len(self.iv) == IV_BYTES):
            raise Malformed(f"key and iv are not {KEY_BYTES} and {IV_BYTES} ASCII characters")

    def cipher(self) -> Cipher[modes.CBC]:
        return Cipher(algorithms.AES(self.key.encode()), modes.CBC(self.iv.encode()))


def decrypt(key: NoticeKey, payload: str) -> str:
    """Raises Malformed for anything that this key did not make."""
    try:
        sealed = base64.b64decode(payload, validate=True)
        decryptor, unpadder = key.cipher().decryptor(), PKCS7(_BLOCK_BITS).unpadder()
        padded = decryptor.update(sealed) + decryptor.finalize()
        return (unpadder.update(padded) + unpadder.finalize()).decode()
    except ValueError:
        # Of base64, of the block length, of the padding and of UTF-8 alike; none is worth telling apart.
        raise Malformed("the notice cannot be decrypted: another key, or cut on its way") from None


def encrypt(key: NoticeKey, text: str) -> str:
    """The opposite, for a venue that is simulated."""
    encryptor, padder = key.cipher().encryptor(), PKCS7(_BLOCK_BITS).padder()
    padded = padder.update(text.encode()) + padder.finalize()
    return base64.b64encode(encryptor.update(padded) + encryptor.finalize()).decode()
