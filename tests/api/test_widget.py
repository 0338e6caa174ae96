from pathlib import Path

from fastapi.testclient import TestClient

DIST = Path(__file__).parents[2] / "clients" / "widget" / "dist"


def test_any_page_may_load_it_and_need_not_ask_twice(client: TestClient) -> None:
    loader = client.get("/widget.js", headers={"Origin": "https://shop.example"})
    assert loader.status_code == 200
    assert loader.headers["access-control-allow-origin"] == "*"
    assert loader.headers["x-content-type-options"] == "nosniff"
    assert loader.headers["content-type"] == "text/javascript; charset=utf-8"
    assert loader.headers["content-encoding"] == "gzip"
    assert "max-age=300" in loader.headers["cache-control"]
    known = {"If-None-Match": loader.headers["etag"]}
    assert client.get("/widget.js", headers=known).status_code == 304
    plain = client.get("/widget.js", headers={"Accept-Encoding": "identity"})
    assert plain.content == (DIST / "widget.js").read_bytes()
    assert plain.headers["etag"] != loader.headers["etag"]
    assert "immutable" in client.get("/widget/app.js?v=1").headers["cache-control"]
    assert "immutable" not in client.get("/widget/app.js").headers["cache-control"]
    for missing in ("package.json", "..%2Fpackage.json", "app.css"):
        assert client.get(f"/widget/{missing}").status_code == 404
