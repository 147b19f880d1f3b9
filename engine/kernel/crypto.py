"""Keyed hashes and encryption at rest, all derived from the installation's one secret key."""

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode

from cryptography.fernet import Fernet, InvalidToken
from pydantic import SecretStr

from engine.kernel.errors import GoodwordError


class UnreadableSecretError(GoodwordError):
    """A stored secret cannot be read with this installation's key."""

    def __init__(self) -> None:
        super().__init__("A stored secret was written with another key. Restore that key, or enter the secret again.")


class Keyring:
    """What the installation's secret key can do, by purpose. Never shows the key."""

    def __init__(self, secret_key: SecretStr) -> None:
        self._root = secret_key.get_secret_value().encode()
        self._derived: dict[str, bytes] = {}
        self._fernet = Fernet(urlsafe_b64encode(self._derive("at-rest")))

    def keyed_hash(self, purpose: str, value: str) -> str:
        """Return 32 hexadecimal digits that stand for `value`, and can be made only with the key.

        Used where a person must be recognised again and never be named: customers of a shop.
        """
        return hmac.digest(self._derive(purpose), value.encode("utf-8", "surrogatepass"), "sha256").hex()[:32]

    def sign(self, purpose: str, value: str) -> str:
        """Return a signature over `value` for `purpose`."""
        return hmac.digest(self._derive(purpose), value.encode(), "sha256").hex()

    def key(self, purpose: str) -> bytes:
        """Return the 32-byte key of `purpose`, for hot paths that sign in place."""
        return self._derive(purpose)

    def encrypt(self, text: str) -> str:
        """Return `text` encrypted and authenticated."""
        return self._fernet.encrypt(text.encode()).decode()

    def decrypt(self, token: str) -> str:
        """Return what `encrypt` was given.

        Raises:
            UnreadableSecretError: it was written with another key, or changed.
        """
        try:
            return self._fernet.decrypt(token.encode()).decode()
        except InvalidToken:
            raise UnreadableSecretError from None

    def _derive(self, purpose: str) -> bytes:
        key = self._derived.get(purpose)
        if key is None:
            key = self._derived[purpose] = hmac.digest(self._root, purpose.encode(), "sha256")
        return key


def new_token() -> str:
    """Return 256 random bits for a link or a session, safe in an address."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> str:
    """Return what is stored of a token: its SHA-256. The token itself is shown once and never kept."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
