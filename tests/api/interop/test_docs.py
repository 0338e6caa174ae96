from pathlib import Path

from api.interop.chat import UNSUPPORTED
from api.interop.mcp_server import OFFERS

DOCS = Path(__file__).parents[3] / "docs" / "interop.md"


def test_everything_that_is_refused_or_offered_is_documented() -> None:
    text = DOCS.read_text(encoding="utf-8")
    unimportant = {"function_call", "top_logprobs"}  # each goes with another one
    for name in set(UNSUPPORTED) - unimportant:
        assert f"`{name}`" in text
    for name, offer in OFFERS.items():
        row = next(line for line in text.splitlines() if line.startswith(f"| `{name}` |"))
        for field in (*offer.given.model_fields, *offer.returned.model_fields):
            assert f"`{field}`" in row or field == "results"
