"""What docs/webhooks.md shows."""

import json
import re
from pathlib import Path
from typing import Any

TEXT = (Path(__file__).parents[3] / "docs" / "webhooks.md").read_text(encoding="utf-8")


def find_blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)


def read_examples() -> dict[str, dict[str, Any]]:
    examples = [json.loads(block) for block in find_blocks("json")]
    return {example["type"]: example for example in examples}
