"""The desk's numbers, by day."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from math import ceil
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Select, case, func, select

from agent.state import Outcome
from api.storage.database import read_from
from api.storage.desk_tables import handoffs, sites, suggestions
from api.storage.facts import read_day, select_facts
from api.storage.tables import conversations, ratings, turns

HALF, NEARLY_ALL = 0.5, 0.95


@dataclass(frozen=True, slots=True)
class Day:
    """What happened on a day in UTC.

    A conversation counts on the day it began. It was resolved without a person if its last
    question was answered, nothing was handed off, and no reply was rated unhelpful.
    """

    day: date
    conversations: int = 0
    resolved: int = 0
    abstained: int = 0
    helped: int = 0
    unhelpful: int = 0
    first_p50: float | None = None
    first_p95: float | None = None
    handed_off: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fates:
    """What became of suggestions; `distance` is the mean number of characters edited."""

    used: int = 0
    edited: int = 0
    discarded: int = 0
    open: int = 0
    distance: float | None = None


@dataclass(frozen=True, slots=True)
class Figures:
    """The numbers of some days, the oldest first, and of all of them together."""

    days: tuple[Day, ...]
    first_p50: float | None
    first_p95: float | None
    suggestions: Fates

    def total(self, name: str) -> int:
        """Return the sum of one of the days' counts."""
        return sum(getattr(day, name) for day in self.days)

    def handed_off(self) -> dict[str, int]:
        """Return how many hand-offs there were for each reason, the most frequent first."""
        sums: dict[str, int] = {}
        for day in self.days:
            for reason, number in day.handed_off.items():
                sums[reason] = sums.get(reason, 0) + number
        return dict(sorted(sums.items(), key=lambda item: (-item[1], item[0])))


@dataclass(slots=True)
class _Tally:
    """What a day's turns add up to."""

    conversations: int = 0
    resolved: int = 0
    abstained: int = 0
    first: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Range:
    """Which rows count: those since a moment, of one site or of all."""

    dialect: str
    since: datetime
    site_id: str | None

    def narrow(self, query: Select[Any], moment: ColumnElement[Any]) -> Select[Any]:
        """Keep what is in the range, of a query that has conversations in it."""
        wanted = query.where(moment >= self.since)
        return wanted.where(conversations.c.site_id == self.site_id) if self.site_id else wanted

    def by_day(
        self,
        joined: Any,  # noqa: ANN401 - a join
        moment: ColumnElement[Any],
        *columns: ColumnElement[Any],
    ) -> Select[Any]:
        """Select columns for each day of `moment`."""
        day = read_day(self.dialect, moment).label("day")
        query = select(day, *columns).select_from(joined).group_by(day)
        return self.narrow(query, moment)


class Numbers:
    """Counts. Each method is one transaction and blocks; `now` says what day it is."""

    def __init__(self, engine: Engine, now: Callable[[], datetime]) -> None:
        self._engine = engine
        self._now = now

    def list_sites(self) -> list[tuple[str, str]]:
        """Return each site's id and name."""
        with read_from(self._engine) as connection:
            rows = connection.execute(select(sites.c.id, sites.c.name).order_by(sites.c.name))
            return [(row.id, row.name) for row in rows]

    def read(self, days: int, site_id: str | None = None) -> Figures:
        """Return the numbers of the last days, today included, of one site or of all."""
        midnight = self._now().replace(hour=0, minute=0, second=0, microsecond=0)
        first = midnight - timedelta(days=days - 1)
        within = _Range(self._engine.dialect.name, first, site_id)
        with read_from(self._engine) as connection:
            tallies = _tally_turns(connection, within)
            thumbs = {row.day: row for row in connection.execute(_count_thumbs(within))}
            handed_off: dict[str, dict[str, int]] = {}
            for row in connection.execute(_count_handed_off(within)):
                handed_off.setdefault(row.day, {})[row.reason] = row.n
            fates = _read_fates(connection, within)
        dates = [first.date() + timedelta(days=place) for place in range(days)]
        whole = [seconds for tally in tallies.values() for seconds in tally.first]
        return Figures(
            tuple(_make_day(day, tallies, thumbs, handed_off) for day in dates),
            *_measure(whole),
            fates,
        )


def _make_day(
    day: date,
    tallies: Mapping[str, _Tally],
    thumbs: Mapping[str, Any],
    handed_off: Mapping[str, dict[str, int]],
) -> Day:
    name = day.isoformat()
    tally, rated = tallies.get(name, _Tally()), thumbs.get(name)
    p50, p95 = _measure(tally.first)
    return Day(
        day=day,
        conversations=tally.conversations,
        resolved=tally.resolved,
        abstained=tally.abstained,
        helped=rated.helped if rated else 0,
        unhelpful=rated.unhelpful if rated else 0,
        first_p50=p50,
        first_p95=p95,
        handed_off=handed_off.get(name, {}),
    )


def _tally_turns(connection: Connection, within: _Range) -> dict[str, _Tally]:
    """Count turns by day: in one pass, as it is the replies' JSON that takes time to read."""
    facts = select_facts(within.since, within.site_id, "outcome", "timings.first_sentence_s")
    by_day: dict[str, _Tally] = defaultdict(_Tally)
    last: dict[str, tuple[datetime, str]] = {}
    ordered = select(facts).order_by(facts.c.conversation_id, facts.c.position)
    for row in connection.execute(ordered):
        tally = by_day[_name_day(row.created_at)]
        tally.abstained += row.outcome == Outcome.ABSTAINED.value
        if row.first_sentence_s is not None:
            tally.first.append(float(row.first_sentence_s))
        last[row.conversation_id] = (row.started_at, row.outcome)
    unresolved = {
        *connection.scalars(select(handoffs.c.conversation_id)),
        *connection.scalars(_select_displeased()),
    }
    for conversation_id, (started_at, outcome) in last.items():
        if started_at >= within.since:
            tally = by_day[_name_day(started_at)]
            tally.conversations += 1
            tally.resolved += (
                outcome == Outcome.ANSWERED.value and conversation_id not in unresolved
            )
    return by_day


def _name_day(moment: datetime) -> str:
    return moment.date().isoformat()


def _measure(seconds: Sequence[float]) -> tuple[float | None, float | None]:
    """Return what half of the values are at most, and 95 in 100, by nearest rank."""
    if not seconds:
        return None, None
    ordered = sorted(seconds)
    half, nearly_all = (ordered[ceil(share * len(ordered)) - 1] for share in (HALF, NEARLY_ALL))
    return half, nearly_all


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.sum(case((condition, 1), else_=0))


def _select_displeased() -> Select[Any]:
    rated = ratings.join(turns, turns.c.id == ratings.c.turn_id)
    chosen = select(turns.c.conversation_id).select_from(rated)
    return chosen.where(ratings.c.helpful.is_(False))


def _count_thumbs(within: _Range) -> Select[Any]:
    return within.by_day(
        turns.join(conversations).join(ratings, ratings.c.turn_id == turns.c.id),
        ratings.c.rated_at,
        _count(ratings.c.helpful.is_(True)).label("helped"),
        _count(ratings.c.helpful.is_(False)).label("unhelpful"),
    )


def _count_handed_off(within: _Range) -> Select[Any]:
    joined = handoffs.join(conversations, conversations.c.id == handoffs.c.conversation_id)
    count = func.count().label("n")
    counted = within.by_day(joined, handoffs.c.created_at, handoffs.c.reason, count)
    return counted.group_by(handoffs.c.reason)


def _read_fates(connection: Connection, within: _Range) -> Fates:
    joined = suggestions.join(handoffs, handoffs.c.id == suggestions.c.handoff_id).join(
        conversations, conversations.c.id == handoffs.c.conversation_id
    )
    query = (
        select(suggestions.c.fate, func.count().label("n"))
        .add_columns(func.avg(suggestions.c.edit_distance).label("distance"))
        .select_from(joined)
        .where(suggestions.c.state == "ready")
        .group_by(suggestions.c.fate)
    )
    rows = connection.execute(within.narrow(query, suggestions.c.created_at)).all()
    counts = {row.fate or "open": row.n for row in rows}
    distance = next((row.distance for row in rows if row.fate == "edited"), None)
    return Fates(**counts, distance=float(distance) if distance is not None else None)
