"""Members of staff, put into the database without logging in."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, insert

from api.storage.desk_tables import staff, staff_sessions

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def add_staff(engine: Engine, name: str = "Mia", role: str = "agent") -> str:
    """Add a member of staff who cannot log in; return their id."""
    row = {
        "id": f"staff-{name}",
        "email": f"{name.lower()}@larkstay.example",
        "name": name,
        "password_hash": "!",
        "role": role,
        "created_at": LONG_AGO,
    }
    with engine.begin() as connection:
        connection.execute(insert(staff).values(row))
    return str(row["id"])


def be_seen(engine: Engine, staff_id: str, when: datetime) -> None:
    """Have somebody seen at the desk."""
    row = {
        "id": f"session-{staff_id}",
        "staff_id": staff_id,
        "created_at": LONG_AGO,
        "expires_at": when + timedelta(hours=1),
        "seen_at": when,
    }
    with engine.begin() as connection:
        connection.execute(insert(staff_sessions).values(row))
