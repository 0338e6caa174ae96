"""Who is asking: a conversation belongs to whoever holds its signed token."""

import os
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

import jwt

ALGORITHM = "HS256"
AUDIENCE = "conversation"
LIFETIME = timedelta(days=30)
SECRET_FILE = "secret.key"  # noqa: S105 - a file's name


class TokenRefused(Exception):  # noqa: N818 - it reads as what happened
    """The token is missing, malformed, expired or not ours; start a new conversation."""


@dataclass(frozen=True, slots=True, repr=False)
class Tokens:
    """Signs and reads conversation tokens with one secret key."""

    secret: str

    def issue(self, conversation_id: str, now: datetime) -> str:
        """Return a token for the conversation, good for 30 days."""
        claims = {"aud": AUDIENCE, "sub": conversation_id, "iat": now, "exp": now + LIFETIME}
        return jwt.encode(claims, self.secret, algorithm=ALGORITHM)

    def read(self, token: str) -> str:
        """Return the id of the token's conversation; raises TokenRefused."""
        try:
            claims = jwt.decode(
                token,
                self.secret,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                options={"require": ["aud", "sub", "exp"]},
            )
        except jwt.ExpiredSignatureError as error:
            raise TokenRefused("The token has expired; start a new conversation.") from error
        except jwt.InvalidTokenError as error:
            raise TokenRefused("The token is not valid; start a new conversation.") from error
        return str(claims["sub"])


def read_secret(folder: Path) -> str:
    """Return the key in the folder, made of 256 random bits at the first call.

    Only the owner can read the file. Processes that start together get the same key.
    """
    path = folder / SECRET_FILE
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        _write_once(path, secrets.token_hex(32))
    return path.read_text(encoding="ascii").strip()


def _write_once(path: Path, key: str) -> None:
    draft = path.with_name(f"{path.name}.{uuid4().hex}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(key)
            file.flush()
            os.fsync(file.fileno())
        # A link, unlike a rename, leaves alone what another process has put there meanwhile.
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
