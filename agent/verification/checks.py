"""The strict checks: whether one unit of a passage states a sentence, and if not, why."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from agent.verification.contrasts import (
    CONDITION,
    CONDITION_END,
    find_dropped_condition,
    find_role_swaps,
    find_strengthening,
    find_swaps,
    makes_promise,
)
from agent.verification.evidence import (
    PLACEHOLDER,
    POINTS_ELSEWHERE,
    Unit,
    read_title,
    read_units,
)
from agent.verification.polarity import DENIALS, HARMLESS, NEGATORS, find_reversals
from agent.verification.quantities import Quantity, read_quantities, read_ranges
from agent.verification.words import Word, content_stems, read_names, read_words
from knowledge_base.articles import Passage

LINK = re.compile(
    r"(?:https?://|www\.)[^\s)\]>]+|[\w.+-]+@[\w-]+\.[\w.]+"
    r"|\b[a-z\d-]{2,}(?:\.[a-z\d-]+)*\.[a-z]{2,}\b(?:/[^\s)\]>]*)?"
)
PARTS = re.compile(
    r"[;,]\s|\b(?:and|but|while|whereas)\b|\.\s"
    r"|\bor\b(?! (?:more|less|fewer|longer|shorter|older|younger|later|earlier)\b)",
    re.IGNORECASE,
)
LIMIT = re.compile(r"\b(?:until|within|before|after|up to|at least|no later than)\b", re.IGNORECASE)
TIME_UNITS = frozenset({"minute", "hour", "day", "night", "week", "month", "year"})
ONLY = re.compile(r"(?i)\b(?:only|exclusively|solely)\b")
ANOTHER_WAY = re.compile(r"(?i)\bor\b(?! (?:more|less|fewer|later|earlier)\b)")
ENOUGH_COVERED = 0.65
NEARLY_AS_MUCH = 0.8
FEWEST_SHARED = 2
ENOUGH_OF_ITS_OWN = 0.4
CONDITION_FIRST = re.compile(r"(?i)^\s*(?:if|when|once|unless|after|before)\b[^,]*,")
SHARE_OF_SUBJECT = 0.5
HEAD = 2
ENOUGH_JOINED = 0.9
FEWEST_STEMS = 2
FEWEST_PARTS = 2


class Failure(StrEnum):
    """Why a sentence is not supported, in the order in which it is best explained."""

    EMPTY = "says nothing that could be checked"
    PLACEHOLDER = "holds a placeholder that nobody filled in"
    PROMISE = "speaks as if somebody had acted for this customer"
    NO_PASSAGE = "no passage in hand"
    NAME = "a name that the passage does not hold"
    LINK = "a link that the passage does not hold"
    QUANTITY = "a number that the passage does not state so"
    PAIRING = "a number that belongs to something else in the passage"
    NEGATION = "turns a negation round"
    CONTRAST = "swaps a word for its opposite"
    STRONGER = "is stronger than the passage"
    CONDITION = "leaves out a condition"
    CONTRADICTED = "another sentence of the passages says otherwise"
    COVERAGE = "words that the passage does not hold"
    SUBJECT = "speaks of a case that the passage does not speak of"
    UNLIKELY = "all in all too little like what the passages say"


@dataclass(frozen=True)
class Claim:
    """A sentence to be verified, and the stems that the customer's question brought in."""

    text: str
    known: frozenset[str] = frozenset()

    @cached_property
    def words(self) -> tuple[Word, ...]:
        """The sentence's words."""
        return read_words(self.text)

    @cached_property
    def stems(self) -> frozenset[str]:
        """The stems of the words that carry meaning."""
        return content_stems(self.words)

    @cached_property
    def quantities(self) -> tuple[Quantity, ...]:
        """The quantities that it states."""
        return read_quantities(self.text)

    @cached_property
    def cases(self) -> tuple[frozenset[str], ...]:
        """The stems of each condition that it states, the main clause left out."""
        insides = (
            CONDITION_END.split(self.text[m.end() :])[0] for m in CONDITION.finditer(self.text)
        )
        stems = (content_stems(read_words(inside)) for inside in insides)
        return tuple(case for case in stems if case)

    @cached_property
    def head(self) -> frozenset[str]:
        """The stems of the first words of the main clause: what it is about, roughly."""
        main = CONDITION_FIRST.sub("", self.text)
        return content_stems([word for word in read_words(main) if word.is_content][:HEAD])

    @cached_property
    def parts(self) -> tuple[frozenset[str], ...]:
        """The stems of the parts that are joined to one sentence, very short ones left out."""
        stems = (content_stems(read_words(part)) for part in PARTS.split(self.text))
        return tuple(part for part in stems if len(part) >= FEWEST_STEMS)

    @cached_property
    def links(self) -> tuple[str, ...]:
        """The links, addresses and host names in it."""
        return tuple(link.rstrip(".,;") for link in LINK.findall(self.text))

    @cached_property
    def names(self) -> frozenset[str]:
        """Words capitalised inside the sentence, as stems."""
        return read_names(self.text)


@dataclass(frozen=True, slots=True)
class Finding:
    """What the checks found of a sentence in a unit: the share of its words, and what fails."""

    covered: float
    unit: Unit | None
    failure: Failure | None = None


def check(claim: Claim, passages: Sequence[Passage], names: frozenset[str]) -> Finding:
    """Return the best finding in any of the passages, the first ones preferred.

    `names` are stems that need not stand in any passage.
    """
    failure = _unfit(claim)
    if failure:
        return Finding(0.0, None, failure)
    findings = [found for passage in passages for found in _weigh(claim, passage, names)]
    none = Finding(0.0, None, Failure.NO_PASSAGE)
    best = max(findings, key=lambda f: (f.failure is None, f.covered), default=none)
    if best.unit is None or best.failure:
        return best
    if _is_outdone(claim, best.unit, passages) or is_disputed(claim, best.unit, passages):
        return Finding(best.covered, best.unit, Failure.CONTRADICTED)
    return best


def _unfit(claim: Claim) -> Failure | None:
    """Return why a sentence may not be shown, whatever the passages say."""
    says_little = len(claim.stems) < FEWEST_STEMS and not claim.quantities
    if says_little or POINTS_ELSEWHERE.search(claim.text):
        return Failure.EMPTY
    if PLACEHOLDER.search(claim.text):
        return Failure.PLACEHOLDER
    return Failure.PROMISE if makes_promise(claim.text) else None


def _weigh(claim: Claim, passage: Passage, names: frozenset[str]) -> Iterator[Finding]:
    lacking = _lacks(claim, _gather(passage), names)
    units = read_units(passage)
    for unit in units:
        yield Finding(_coverage(claim, unit), unit, lacking or _compare(claim, unit))
    if not lacking:
        yield from _weigh_parts(claim, units)
        yield from _weigh_joined(claim, units)


def _lacks(claim: Claim, whole: Unit, names: frozenset[str]) -> Failure | None:
    held = {word.stem for word in read_words(f"{whole.text} {whole.context}")}
    if claim.names - held - names:
        return Failure.NAME
    if any(link not in whole.text for link in claim.links):
        return Failure.LINK
    return None


def _gather(passage: Passage) -> Unit:
    text = " ".join((passage.text, *(unit.text for unit in read_units(passage))))
    return Unit(text, read_title(passage).text, passage.id, quotable=False)


def _coverage(claim: Claim, unit: Unit) -> float:
    if not claim.stems:
        return 1.0
    return len(claim.stems & (unit.stems | unit.context_stems)) / len(claim.stems)


def _compare(claim: Claim, unit: Unit) -> Failure | None:
    """Return the first check that the claim fails against the unit, None if it passes all."""
    return next((failure for failure, fails in CHECKS if fails(claim, unit)), None)


def _is_uncovered(claim: Claim, unit: Unit) -> bool:
    own = len(claim.stems & unit.stems) / max(1, len(claim.stems))
    return _coverage(claim, unit) < ENOUGH_COVERED or own < ENOUGH_OF_ITS_OWN


def _changes_subject(claim: Claim, unit: Unit) -> bool:
    """Whether the claim speaks of something that the unit does not speak of.

    «If you miss a card payment», of a unit on instalments; or «illness», of one on storms; or a
    whole part of the sentence has nothing to do with the unit. A number is not to be tied to what
    only the question speaks of: «how wide is the lift?» is not answered by the width of a door.
    """
    held = unit.stems | unit.context_stems
    if claim.quantities and (claim.stems & claim.known) - held:
        return True
    strange = any(len(case - held) > SHARE_OF_SUBJECT * len(case) for case in claim.cases)
    return strange or any(not part & held for part in (claim.head, *claim.parts) if part)


def _misstates(claim: Claim, unit: Unit) -> bool:
    return not _states_all(claim, unit) or _turns_range(claim.text, unit.text)


def _reverses(claim: Claim, unit: Unit) -> bool:
    # «the fees you have not made»: a «not» whose reach holds nothing but stop words.
    alone = _denies(claim.words) and not _hints_at_denial(claim, unit)
    return alone or bool(find_reversals(claim.text, unit.text, unit.context))


def _swaps(claim: Claim, unit: Unit) -> bool:
    words = (*unit.words, *read_words(unit.context))
    return bool(find_swaps(claim.words, words) or find_role_swaps(claim.words, unit.words))


def _strengthens(claim: Claim, unit: Unit) -> bool:
    return bool(find_strengthening(claim.words, (*unit.words, *read_words(unit.context))))


def _drops_condition(claim: Claim, unit: Unit) -> bool:
    dropped = find_dropped_condition(claim.text, unit.text, claim.known)
    return dropped or _drops_deadline(claim, unit) or _opens_another_way(claim, unit)


def _opens_another_way(claim: Claim, unit: Unit) -> bool:
    """Whether «only» one way became one of two: «only under Trips» is not «or by message»."""
    only = ONLY.search(unit.text) and not ONLY.search(claim.text)
    ways = ANOTHER_WAY.split(claim.text)[1:] if only else []
    held = unit.stems | unit.context_stems
    return any(content_stems(read_words(way)) - held for way in ways)


def _states_all(claim: Claim, unit: Unit) -> bool:
    return all(any(q.agrees_with(s) for s in unit.quantities) for q in claim.quantities)


def _turns_range(claim: str, source: str) -> bool:
    said, stated = read_ranges(claim), read_ranges(source)
    return any((end, start) in stated and (start, end) not in stated for start, end in said)


def _is_outdone(claim: Claim, unit: Unit, passages: Sequence[Passage]) -> bool:
    """Whether a unit nearer to the claim's own words contradicts it.

    «Carbon monoxide alarms must be replaced after 10 years» fits what is said of smoke alarms
    under a title that names both; what is said of carbon monoxide alarms decides.
    """
    own = len(claim.stems & unit.stems)
    rivals = [rival for passage in passages for rival in read_units(passage)]
    nearer = [rival for rival in rivals if len(claim.stems & rival.stems) > own]
    return any(_contradicts(claim, rival) for rival in nearer)


def is_disputed(claim: Claim, unit: Unit, witnesses: Sequence[Passage]) -> bool:
    """Whether another article says otherwise of the same thing: nobody knows which one is right.

    It says so in a unit that has nearly all the claim's words, or its source's, or in a clause.
    """
    article = _article_of(unit)
    rivals = [r for w in witnesses if w.article_id != article for r in read_units(w)]
    source = Claim(unit.text)
    return any(
        _contradicts(said, rival)
        for said in (claim, source)
        for rival in rivals
        if _speaks_of_the_same(said, rival)
    ) or any(_disputes_number(claim, rival) for rival in rivals)


def _speaks_of_the_same(said: Claim, rival: Unit) -> bool:
    shared = len(said.stems & rival.stems)
    nearly = NEARLY_AS_MUCH * min(len(said.stems), len(rival.stems))
    return shared >= max(FEWEST_SHARED, nearly)


def _disputes_number(claim: Claim, rival: Unit) -> bool:
    """Whether a clause has the words of one of the claim's, and another number."""
    ours = [Claim(part) for part in PARTS.split(claim.text)]
    theirs = [Claim(part) for part in PARTS.split(rival.text)]
    return any(
        len(our.stems & their.stems) >= FEWEST_SHARED
        and our.stems == their.stems
        and _states_another_number(our, Unit(their.text, "", rival.passage_id))
        for our in ours
        for their in theirs
    )


def _article_of(unit: Unit) -> str:
    return unit.passage_id.rpartition("#")[0]


def _contradicts(claim: Claim, rival: Unit) -> bool:
    reversed_words = find_reversals(claim.text, rival.text, rival.context)
    return _states_another_number(claim, rival) or bool(reversed_words)


def _states_another_number(claim: Claim, rival: Unit) -> bool:
    kinds = {q.unit for q in claim.quantities}
    comparable = any(s.unit in kinds for s in rival.quantities)
    return bool(claim.quantities) and comparable and not _states_all(claim, rival)


def _weigh_parts(claim: Claim, units: Sequence[Unit]) -> Iterator[Finding]:
    """Weigh a sentence that joins several statements: each part needs a unit of its own."""
    parts = [Claim(part, claim.known) for part in PARTS.split(claim.text)]
    if len(parts) < FEWEST_PARTS or any(len(part.stems) < FEWEST_STEMS for part in parts):
        return
    found = (next((u for u in units if _compare(part, u) is None), None) for part in parts)
    bearers = [unit for unit in found if unit is not None]
    widened = any(_opens_another_way(claim, unit) for unit in bearers)
    if len(bearers) == len(parts) and not widened:
        covered = [_coverage(p, u) for p, u in zip(parts, bearers, strict=True)]
        yield Finding(min(covered), bearers[0])


def _weigh_joined(claim: Claim, units: Sequence[Unit]) -> Iterator[Finding]:
    """Weigh a sentence that draws on two units of a passage, read as if they were one."""
    first = max(units, key=lambda u: len(claim.stems & u.stems), default=None)
    if first is None:
        return
    lacking = claim.stems - first.stems
    second = max(units, key=lambda u: len(lacking & u.stems))
    if len(lacking & second.stems) < FEWEST_STEMS:
        return
    joined = Unit(
        f"{first.text} {second.text}", f"{first.context} {second.lead}", first.passage_id,
        quotable=False,
    )  # fmt: skip
    covered = _coverage(claim, joined)
    # Which of the two a negation belongs to is lost in the joining.
    alike = _denies(claim.words) == _denies(first.words) == _denies(second.words)
    widened = _opens_another_way(claim, first)
    fits = alike and covered >= ENOUGH_JOINED and not widened
    if fits and _compare(claim, joined) is None:
        yield Finding(covered, first)


def _denies(words: Sequence[Word]) -> bool:
    plain = HARMLESS.sub(" ", " ".join(word.text for word in words))
    return any(token in NEGATORS for token in plain.lower().split())


def _hints_at_denial(claim: Claim, unit: Unit) -> bool:
    said = {word.text.lower() for word in claim.words}
    stated = {word.text.lower() for word in (*unit.words, *read_words(unit.context))}
    # «Unused» for «not used».
    return bool(stated & DENIALS) or any(
        word.removeprefix("un") in said - stated for word in stated
    )


def _is_mispaired(claim: Claim, unit: Unit) -> bool:
    """Whether a number was taken from one part of the unit and what it counts from another."""
    parts = [Claim(part) for part in PARTS.split(unit.text)]
    rivals = [part for part in parts if part.quantities]
    used = [part for part in rivals if _takes_from(claim, part)]
    if len(rivals) < FEWEST_PARTS or not used:
        return False
    whole = [part for part in used if _takes_all(claim, part)]
    if len(used) > 1:
        return len(whole) < len(used)
    foreign = frozenset[str]().union(*(part.stems for part in rivals if part is not used[0]))
    mixes = bool(claim.stems & (foreign - used[0].stems))
    # A part with two numbers, both taken, may leave out words that it shares with the one before.
    return mixes and not (whole and len(used[0].quantities) > 1)


def _takes_from(claim: Claim, part: Claim) -> bool:
    return any(q.agrees_with(s) for q in claim.quantities for s in part.quantities)


def _takes_all(claim: Claim, part: Claim) -> bool:
    return all(any(q.agrees_with(s) for q in claim.quantities) for s in part.quantities)


def _drops_deadline(claim: Claim, unit: Unit) -> bool:
    """Whether the unit sets a limit of time and the sentence mentions none."""
    limited = any(q.unit in TIME_UNITS and LIMIT.search(unit.text) for q in unit.quantities)
    return limited and not claim.quantities


CHECKS: tuple[tuple[Failure, Callable[[Claim, Unit], bool]], ...] = (
    (Failure.COVERAGE, _is_uncovered),
    (Failure.SUBJECT, _changes_subject),
    (Failure.QUANTITY, _misstates),
    (Failure.PAIRING, _is_mispaired),
    (Failure.NEGATION, _reverses),
    (Failure.CONTRAST, _swaps),
    (Failure.STRONGER, _strengthens),
    (Failure.CONDITION, _drops_condition),
)
