"""Identity: what a site's signed token says of its customer."""

from datetime import datetime, timedelta
from typing import Any

import jwt
from pydantic import BaseModel, ConfigDict, EmailStr, Field, ValidationError

from api.storage.sites import Site

ALGORITHM = "HS256"
LONGEST = timedelta(hours=1)
SKEW = timedelta(seconds=60)


class IdentityRefused(Exception):  # noqa: N818 - it reads as what happened
    """The user token is not one that the site signed for now; the message says what is wrong."""


class Claims(BaseModel):
    """What is read of a token; whatever else it holds is left alone."""

    model_config = ConfigDict(frozen=True)

    sub: str = Field(min_length=1, max_length=200)
    name: str | None = Field(None, max_length=200)
    email: EmailStr | None = None


def read_user(token: str, site: Site, now: datetime) -> dict[str, str]:
    """Return the user's `id`, and `name` and `email` where the token has them.

    It has to be signed with the site's identity secret (HS256), be meant for the site's key
    (`aud`), and end (`exp`) within an hour of when it was made (`iat`). Raises IdentityRefused.
    """
    claims = _decode(token, site)
    made, ends = claims["iat"], claims["exp"]
    if ends - made > LONGEST.total_seconds():
        raise IdentityRefused("The user token holds for more than an hour; sign shorter ones.")
    if made > (now + SKEW).timestamp() or ends < (now - SKEW).timestamp():
        raise IdentityRefused("The user token has expired or is from the future; sign a new one.")
    try:
        user = Claims.model_validate(claims)
    except ValidationError as error:
        raise IdentityRefused("`sub` names the user; `name` and `email` are optional.") from error
    known = {"id": user.sub, "name": user.name, "email": user.email}
    return {key: value for key, value in known.items() if value is not None}


def _decode(token: str, site: Site) -> dict[str, Any]:
    try:
        return dict(
            jwt.decode(
                token,
                site.identity_secret,
                algorithms=[ALGORITHM],
                audience=site.key,
                # The times are compared with the clock that is passed in.
                options={
                    "require": ["aud", "sub", "iat", "exp"],
                    "verify_exp": False,
                    "verify_iat": False,
                },
            )
        )
    except jwt.InvalidTokenError as error:
        raise IdentityRefused(
            "The user token is not signed with this site's identity secret for its key; "
            "see docs/sites.md."
        ) from error
