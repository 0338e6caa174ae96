"""Words that turn a sentence round when they are swapped, added or left out."""

import re
from collections.abc import Iterator, Sequence

from agent.verification.words import Word, content_stems, read_words

# In each group, a sentence may use only the side that its source uses.
CONTRASTS: tuple[tuple[frozenset[str], ...], ...] = tuple(
    tuple(frozenset(side.split()) for side in group)
    for group in (
        ("before prior", "after following"),
        ("host hosts owner", "guest guests traveller"),
        ("buyer", "seller"),
        ("sender", "recipient"),
        ("include includes included including", "exclude excludes excluded excluding"),
        ("increase increases higher raise", "decrease decreases lower reduce"),
        ("accept accepts accepted approve", "decline declines declined reject"),
        ("credit", "debit"),
        ("domestic", "international foreign"),
        ("earlier earliest", "later latest"),
        ("first", "last"),
        ("weekday weekdays", "weekend weekends"),
        ("incoming", "outgoing"),
        ("monthly", "yearly annual annually", "weekly", "daily"),
        ("open", "closed"),
        ("minimum", "maximum"),
        ("online", "offline"),
        ("inside", "outside"),
        ("partial partly", "full fully entire"),
    )
)
# A claim may not be stronger than its source: each of these needs one of its own kind there.
STRENGTHENERS: tuple[frozenset[str], ...] = tuple(
    frozenset(words.split())
    for words in (
        (
            "any anytime anyone anything anywhere all every everyone everything each whatever "
            "whenever regardless"
        ),
        "always",
        "never not no",
        "guarantee guaranteed guarantees certainly definitely",
        "immediately instantly instant immediate straightaway",
        "automatically automatic",
        "free complimentary",
        "full fully entire entirely complete completely whole 100",
        "must required requires require mandatory obliged obligatory have need needs necessary",
        "only exclusively solely",
        "unlimited",
        "permanently permanent forever",
    )
)
PLAIN_NEGATIONS = frozenset({"not", "no"})
OBLIGATION = frozenset("must required requires mandatory obliged obligatory".split())
CONDITION = re.compile(
    r"(?i)\b(?:only if|(?<!even )if|unless|provided(?: that)?|as long as|only when|when|only for"
    r"|only after|once)\b"
)
CONDITION_END = re.compile(r"[,;:]|\.\s|\bthen\b")
EXCEPTION = re.compile(
    r"(?i)\b(?:except(?:ing)?(?: for)?|excluding|apart from|other than)\b"
    r"(.+?)(?=[,;:.]|\b(?:is|are|was|were|will|can|may|must|has|have)\b|$)"
)
SHARE_OF_CONDITION = 0.34
FIRST_PERSON = re.compile(
    r"\bI(?:['’](?:ve|ll|m|d))?\b|\b(?:we|we['’]ve|we have) (?:just |already )?"
    r"(?:refunded|cancelled|canceled|issued|processed|sent|credited|changed|booked|agreed)\b",
    re.IGNORECASE,
)
DONE_FOR_YOU = re.compile(
    r"(?i)\byour\b.{0,40}\b(?:has|have) been\b|\bas (?:you|we) (?:requested|agreed)\b"
)


def find_swaps(claim: Sequence[Word], source: Sequence[Word]) -> frozenset[str]:
    """Return the claim's words whose opposite, and not they, stand in the source."""
    said = {word.text.lower() for word in claim}
    stated = {word.text.lower() for word in source}
    swapped: set[str] = set()
    for group in CONTRASTS:
        for side in group:
            others = frozenset[str]().union(*(other for other in group if other is not side))
            if said & side and not stated & side and stated & others:
                swapped |= said & side
    return frozenset(swapped)


def find_role_swaps(claim: Sequence[Word], source: Sequence[Word]) -> frozenset[str]:
    """Return words that stand on the wrong side of another: «hosts pay guests» turned round."""
    swapped: set[str] = set()
    for group in CONTRASTS[1:4]:
        said = _order(claim, group)
        stated = _order(source, group)
        if len(said) == len(group) and sorted(said) == sorted(stated) and said != stated:
            swapped |= {word for side in group for word in side}
    return frozenset(swapped)


def _order(words: Sequence[Word], group: Sequence[frozenset[str]]) -> list[int]:
    sides = [side for word in words for side, kin in enumerate(group) if word.text.lower() in kin]
    return list(dict.fromkeys(sides))


def find_strengthening(claim: Sequence[Word], source: Sequence[Word]) -> frozenset[str]:
    """Return words that make the claim stronger than the source is."""
    said = {word.text.lower() for word in claim}
    stated = {word.text.lower() for word in source}
    return frozenset(
        word
        for kin in STRENGTHENERS
        for word in said & (kin if kin.isdisjoint(OBLIGATION) else OBLIGATION) - PLAIN_NEGATIONS
        if not stated & kin
    )


def find_dropped_condition(claim: str, source: str, known: frozenset[str]) -> bool:
    """Whether the source holds only under a condition that the claim leaves out.

    `known` are stems that the customer has said hold: a condition met in the question may go.
    """
    said = content_stems(read_words(claim)) | known
    return any(not _is_met(condition, said) for condition in _conditions(source))


def _conditions(text: str) -> list[frozenset[str]]:
    found: list[frozenset[str]] = []
    for match in CONDITION.finditer(text):
        inside = CONDITION_END.split(text[match.end() :])[0]
        outside = text.replace(inside, " ", 1)
        stems = content_stems(read_words(inside))
        # What the main clause says too does not show that the condition was kept.
        found.append(stems - content_stems(read_words(outside)) or stems)
    return [stems for stems in (*found, *_exceptions(text)) if stems]


def _exceptions(text: str) -> Iterator[frozenset[str]]:
    main = content_stems(read_words(EXCEPTION.sub(" ", text)))
    for inside in EXCEPTION.findall(text):
        stems = content_stems(read_words(inside))
        yield stems - main or stems


def _is_met(condition: frozenset[str], said: frozenset[str]) -> bool:
    return len(condition & said) > SHARE_OF_CONDITION * len(condition)


def makes_promise(claim: str) -> bool:
    """Whether the sentence speaks as if somebody had acted, or will, for this customer."""
    return bool(FIRST_PERSON.search(claim) or DONE_FOR_YOU.search(claim))
