"""A customer with a token, and what server-sent events say."""

import json
from typing import Any

from fastapi.testclient import TestClient
from httpx2 import Response


def read_frames(text: str) -> list[tuple[str, dict[str, Any]]]:
    frames = []
    for block in text.strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if line[0] != ":")
        if fields:
            frames.append((fields["event"], json.loads(fields["data"])))
    return frames


class Customer:
    def __init__(self, client: TestClient) -> None:
        self._client = client
        started = client.post("/v1/conversations")
        assert started.status_code == 201
        self.use(**started.json())

    def use(self, conversation_id: str, token: str) -> None:
        self.conversation_id = conversation_id
        self.headers = {"Authorization": f"Bearer {token}"}
        self.path = f"/v1/conversations/{conversation_id}"

    def say(self, text: str, **more: str) -> Response:
        return self.post("/messages", {"text": text, **more})

    def post(self, path: str, body: dict[str, Any]) -> Response:
        return self._client.post(self.path + path, json=body, headers=self.headers)

    def get(self, path: str) -> Response:
        return self._client.get(self.path + path, headers=self.headers)
