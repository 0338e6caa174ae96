"""Who a customer is: the site's signed token, read with the clock that is passed in."""

from datetime import UTC, datetime, timedelta

import jwt
import pytest

from api.identity import IdentityRefused, read_user
from api.storage.sites import Look, Site

MADE = datetime(2026, 11, 24, 12, tzinfo=UTC)
SECRET = "a-secret-of-the-site-that-is-long-enough-for-every-algorithm-of-all"
SITE = Site("s1", "Shop", "fd_shop", (), SECRET, Look(), MADE, None)


def sign(secret: str = SECRET, algorithm: str = "HS256", **changes: object) -> str:
    claims = {"aud": "fd_shop", "sub": "u1", "iat": MADE, "exp": MADE + timedelta(minutes=30)}
    kept = {key: value for key, value in {**claims, **changes}.items() if value is not None}
    return jwt.encode(kept, secret, algorithm=algorithm)


def test_a_signed_token_says_who_the_customer_is() -> None:
    assert read_user(sign(), SITE, MADE) == {"id": "u1"}
    known = sign(name="Kim", email="kim@mail-house.com", plan="gold")
    assert read_user(known, SITE, MADE) == {
        "id": "u1",
        "name": "Kim",
        "email": "kim@mail-house.com",
    }


@pytest.mark.parametrize("late", [timedelta(0), timedelta(minutes=30, seconds=59)])
def test_clocks_may_differ_by_a_minute(late: timedelta) -> None:
    assert read_user(sign(), SITE, MADE + late)
    assert read_user(sign(), SITE, MADE - timedelta(seconds=59))


@pytest.mark.parametrize(
    ("token", "why"),
    [
        (sign(SECRET[::-1]), "identity secret"),
        (sign("", "none"), "identity secret"),
        (sign(algorithm="HS512"), "identity secret"),
        (sign(aud="fd_other"), "identity secret"),
        (sign(aud=None), "identity secret"),
        (sign(exp=None), "identity secret"),
        (sign(iat=None), "identity secret"),
        (sign(sub=None), "identity secret"),
        (sign(exp=MADE + timedelta(hours=2)), "more than an hour"),
        (sign(email="kim"), "`sub` names the user"),
        (sign(sub="x" * 201), "`sub` names the user"),
        ("nonsense", "identity secret"),
    ],
)
def test_any_other_token_is_refused_and_told_why(token: str, why: str) -> None:
    with pytest.raises(IdentityRefused, match=why):
        read_user(token, SITE, MADE)


@pytest.mark.parametrize("off", [timedelta(minutes=32), timedelta(minutes=-2)])
def test_what_has_expired_or_is_from_the_future_is_refused(off: timedelta) -> None:
    with pytest.raises(IdentityRefused, match="sign a new one"):
        read_user(sign(), SITE, MADE + off)
