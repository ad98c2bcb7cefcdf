"""The body archive: each distinct body once, redacted, bounded, and replayed as history."""

import asyncio
import json
import os
from hashlib import sha256
from pathlib import Path

import httpx
import pytest
import zstandard

from adapters.fetch.client import SliceAnswer
from bridge.archive import MAX_WAITING, Archive, body_path, redacted, replay
from tests.bridge.fakes import START_MS, Lumen, client, rows


async def answer_of(body: bytes) -> SliceAnswer:
    return await client(lambda _: httpx.Response(200, content=body)).fetch_slice(Lumen().slices()[0])


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        (b'{"public_ipaddr": "203.0.113.9", "p": 1.50}', b'{"public_ipaddr": "redacted", "p": 1.50}'),
        (b'{"public_ipaddr":"203.0.113.9\\n"}', b'{"public_ipaddr":"redacted"}'),
        (b'["198.51.100.7:22"]', b'["redacted"]'),
        (b'{"wallet_address": "abc"}', b'{"wallet_address": "redacted"}'),
        (b'["0x52908400098527886E0F7030069857D2E4169EE7"]', b'["redacted"]'),
        (b'{"driver_version": "535.129.03", "x": "1.2.3"}', b'{"driver_version": "535.129.03", "x": "1.2.3"}'),
        (b'{"public_ipaddr": "203.0.113.9", "trunc', b'{"public_ipaddr": "redacted", "trunc'),
    ],
)
def test_redaction(body: bytes, kept: bytes) -> None:
    assert redacted(body) == kept


async def test_a_body_is_kept_once_under_the_digest_of_what_came(tmp_path: Path) -> None:
    archive = Archive(tmp_path, 10**9)
    body = json.dumps(rows("a") | {"public_ipaddr": "203.0.113.9"}).encode()
    running = asyncio.create_task(archive.run())
    for i in range(3):
        archive.add(START_MS + i, "lumen", await answer_of(body))
    await archive.stop()
    await running
    (path,) = (tmp_path / "bodies").glob("*/*")
    assert path == body_path(tmp_path / "bodies", sha256(body).hexdigest())
    assert zstandard.decompress(path.read_bytes()) == redacted(body)
    (journal,) = (tmp_path / "journal").glob("*")
    assert len(journal.read_bytes().splitlines()) == 1


async def test_what_is_archived_can_be_replayed(tmp_path: Path) -> None:
    archive = Archive(tmp_path, 10**9)
    for i, body in enumerate([b'{"rows": [1.10]}', b'{"rows": []}', b'{"rows": [1.10]}']):
        archive.write(START_MS + i, "lumen", await answer_of(body))
    archive.add_body(b"<html>")
    lines = [json.loads(line) for line in replay(tmp_path, START_MS, START_MS + 3)]
    assert [(line["at_ms"] - START_MS, line["slices"][0]["pages"][0]["body"]) for line in lines] == [
        (0, {"rows": [1.10]}),
        (1, {"rows": []}),
        (2, {"rows": [1.10]}),
    ]
    assert lines[0]["source"] == "lumen"
    assert (lines[0]["slices"][0]["name"], lines[0]["slices"][0]["pages"][0]["name"]) == ("", "types")
    assert len(list(replay(tmp_path, START_MS + 1, START_MS + 2))) == 1


async def test_the_oldest_bodies_go_first(tmp_path: Path) -> None:
    archive = Archive(tmp_path, 3000)
    digests = []
    for i in range(8):
        body = json.dumps({"x": os.urandom(500).hex()}).encode()
        digests.append(sha256(body).hexdigest())
        archive.write(START_MS + i, "lumen", await answer_of(body))
        os.utime(body_path(tmp_path / "bodies", digests[-1]), (i, i))
    archive._prune()
    kept = [digest for digest in digests if body_path(tmp_path / "bodies", digest).exists()]
    assert 0 < len(kept) < 8
    assert kept == digests[-len(kept) :]
    assert len(list(replay(tmp_path, 0, START_MS * 2))) == len(kept)


async def test_without_room_nothing_is_kept(tmp_path: Path) -> None:
    folder = tmp_path / "archive"
    archive = Archive(folder, 0)
    archive.add(START_MS, "lumen", await answer_of(b"{}"))
    archive.add_body(b"<html>")
    await archive.stop()
    await archive.run()
    assert not folder.exists()


async def test_a_disk_that_is_behind_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    archive = Archive(tmp_path, 10**6)
    kept = [archive.later(lambda: None) for _ in range(MAX_WAITING + 3)]
    assert kept == [True] * MAX_WAITING + [False] * 3
    assert caplog.text.count("the disk is behind") == 1
