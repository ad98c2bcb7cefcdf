"""Recorded bodies: the files' own bytes for what the index names, 404 for everything else."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from adapters.base import Adapter
from adapters.models import Offer
from sim.app import App
from sim.recorded import Recorded
from tests.sim.asking import http_client, polled
from tests.sim.conftest import NOW_MS

VAST = "/console.vast.ai/api/v0/bundles/"
ZONE = "/instance/v1/zones/fr-par-2/products/servers"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A recording of our own making."""
    answers: list[dict[str, Any]] = [
        {"provider": "a", "method": "GET", "host": "a.example", "path": "/one", "file": "one.json", "whole": True},
        {"provider": "a", "method": "GET", "host": "a.example", "path": "/paged", "file": "p1.json", "query": {"page": "1"}, "whole": True,
         "headers": {"Link": "</paged?page=2&per_page=50&>; rel=\"next\""}},
        {"provider": "a", "method": "GET", "host": "a.example", "path": "/paged", "file": "p2.json", "query": {"page": "2"}, "whole": True},
        {"provider": "b", "method": "GET", "host": "b.example", "path": "/rows", "file": "rows.json", "whole": False,
         "wrap": {"Items": "$BODY", "Next": None, "Count": 2}},
        {"provider": "vast", "method": "POST", "host": "console.vast.ai", "path": "/api/v0/bundles/", "file": "offers.json"},
        {"provider": "c", "method": "GET", "host": "", "path": "", "file": "not-there.json", "whole": True},
    ]  # fmt: skip
    (tmp_path / "index.json").write_text(json.dumps({"about": "", "answers": answers}))
    (tmp_path / "one.json").write_bytes(b'{ "odd" :  1.50 }\n')
    (tmp_path / "p1.json").write_bytes(b"[1]")
    (tmp_path / "p2.json").write_bytes(b"[2]")
    (tmp_path / "rows.json").write_bytes(b'[ {"price": 3.630} , 2 ]')
    (tmp_path / "offers.json").write_bytes(b'{"offers": [{"gpu_name": "B300"}]}')
    return tmp_path


@pytest.fixture
def recorded(folder: Path) -> App:
    return App(Recorded(folder), [], clock_ms=lambda: NOW_MS)


async def asked(app: App, path: str, **query: str) -> httpx.Response:
    async with http_client(app) as client:
        response = await client.get(path, params=query)
    assert response.headers["x-gputicker-market"] == "recorded"
    return response


async def test_bytes_are_unchanged_and_other_query_keys_are_ignored(recorded: App) -> None:
    response = await asked(recorded, "/a.example/one", currency="usd")
    assert response.content == b'{ "odd" :  1.50 }\n'
    assert response.headers["content-type"] == "application/json"


async def test_pages_are_told_apart_and_page_1_is_the_default(recorded: App) -> None:
    first = await asked(recorded, "/a.example/paged", per_page="100")
    assert (first.content, 'rel="next"' in first.headers["link"]) == (b"[1]", True)
    assert (await asked(recorded, "/a.example/paged", page="2", per_page="100")).content == b"[2]"
    assert (await asked(recorded, "/a.example/paged", page="3")).status_code == 404


async def test_wrapped_rows_keep_their_bytes(recorded: App) -> None:
    assert (await asked(recorded, "/b.example/rows")).content == b'{"Items":[ {"price": 3.630} , 2 ],"Next":null,"Count":2}'


@pytest.mark.parametrize("path", ["/a.example/two", "/b.example/one", "/nowhere/one", "/sim/history", "/sim/incidents"])
async def test_anything_else_is_404(recorded: App, path: str) -> None:
    assert (await asked(recorded, path)).status_code == 404


async def test_vast_answers_the_recorded_slice_and_no_offers_to_others(recorded: App) -> None:
    async with http_client(recorded) as client:
        for search, offers in (
            ({"gpu_name": {"eq": "B300"}, "type": "ondemand"}, [{"gpu_name": "B300"}]),
            ({"gpu_name": {"eq": "B300"}, "type": "bid"}, []),
            ({"gpu_name": {"eq": "H200"}}, []),
            ({}, []),
        ):
            assert (await client.post(VAST, json=search)).json() == {"offers": offers}
        assert (await client.get(VAST)).status_code == 404


async def test_the_front_page_says_recorded(recorded: App) -> None:
    page = (await asked(recorded, "/")).text
    assert "Recorded answers" in page and "simulated" not in page.lower()
    assert (await asked(recorded, "/healthz")).json() == {"status": "ok", "market": "recorded"}


def test_a_missing_file_is_an_error_at_once(folder: Path) -> None:
    (folder / "p2.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"p2\.json"):
        Recorded(folder)


@pytest.mark.parametrize("source", ["runpod", "vast", "verda", "azure"])
async def test_adapters_read_the_real_recordings(recordings: Path, adapters: dict[str, Adapter], source: str) -> None:
    app = App(Recorded(recordings), [], clock_ms=lambda: NOW_MS)
    rows = await polled(app, adapters[source], credentials={})
    assert any(isinstance(row, Offer) for row in rows)


async def test_every_recorded_scaleway_page_is_served_as_it_is(recordings: Path) -> None:
    app = App(Recorded(recordings), [], clock_ms=lambda: NOW_MS)
    for page in ("1", "2", "3"):
        response = await asked(app, f"/api.scaleway.com{ZONE}", page=page, per_page="100")
        assert response.content == (recordings / f"scaleway/fr-par-2.servers.page{page}.json").read_bytes()
        assert response.headers["x-total-count"] == "135"
    assert (await asked(app, f"/api.scaleway.com{ZONE}", page="4")).status_code == 404
