"""Formulas that a spreadsheet would run, told from sentences that begin with the same sign."""

import re

SIGNS = ("=", "+", "-", "@")
# What stands in a formula: a letter for each kind of part, and how the part is written.
PARTS = {
    "d": r"[A-Za-z_][\w.]*\|(?:'[^']*'|[^\s'!|]+)(?:![\w.$]*)?",  # cmd|'/C calc'!A0
    "f": r"[A-Za-z_][\w.]*\(",
    "c": r"(?:'[^']*'[!#]\$?|[\w.\[\]$]+!)[\w.$]+"  # 'Other sheet'!A1
    r"|\$?[A-Za-z]{1,3}\$?[1-9][0-9]{0,6}(?![\w.(|!])",
    "n": r"[A-Za-z_][\w.]*",
    "v": r'"(?:[^"]|"")*"|[0-9]+(?:\.[0-9]*)?%?|\.[0-9]+%?',
    "b": r"[({]",
    "e": r"[)}]",
    "k": r"[,;]",
    "s": r"[=+\-@]",
    "o": r"[*/^&<>:]",
}
PART = re.compile(r"\s*(?:" + "|".join(f"(?P<{kind}>{how})" for kind, how in PARTS.items()) + ")")
WORDS = frozenset("nv")  # two of them in a row are a sentence
# Something to reckon with, a sign, and so on; spreadsheets close brackets that are left open.
OPERAND = "(?:[cdnv]e*|fe+)"
SHAPE = re.compile(rf"[sbf]*{OPERAND}(?:[sok][sokbf]*{OPERAND}|k+e+)*")


def is_formula(text: str) -> bool:
    """Tell whether a cell is a formula as a whole: what can't be run is a sentence.

    A call, a cell or a pipe to a program has to be in it; after `=`, a sum of numbers is enough.
    """
    text = text.strip().lstrip("' \t\r\n")
    if not text.startswith(SIGNS):
        return False
    kinds = _list_kinds(text)
    if text[0] == "=":
        kinds = kinds.replace("nb", "f")  # Excel lets a space stand before the bracket
    if not SHAPE.fullmatch(kinds) or ("k" in kinds and not set("bf") & set(kinds)):
        return False
    sums = text[0] == "=" and "n" not in kinds and kinds.count("v") > 1
    return sums or bool(set("cdf") & set(kinds))


def _list_kinds(text: str) -> str:
    """Return the kinds of the parts in order, up to a `?` where no formula goes on."""
    kinds: list[str] = []
    at = 0
    while at < len(text):
        part = PART.match(text, at)
        if part is None or {str(part.lastgroup), *kinds[-1:]} <= WORDS:
            return "".join([*kinds, "?"])
        kinds.append(str(part.lastgroup))
        at = part.end()
    return "".join(kinds)
