"""Windows, incidents and history through the real ClickHouse front, and while it is away."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import clickhouse_connect
import httpx
import msgspec
import pytest

from api.answers import AnomaliesTold, HistoryTold, WindowsTold
from clickhouse.migrate import MigrateSettings, migrate
from tests.api.conftest import ROOT, ApiServer, eventually, free_port

START = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)


class ClickHouse:
    """The embedded ClickHouse as a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._environment = {**os.environ, "GPUTICKER_PORT": str(self.port), "GPUTICKER_DATA_DIR": str(folder)}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._process = subprocess.Popen([sys.executable, "-m", "clickhouse.server"], cwd=ROOT, env=self._environment)
        eventually("clickhouse answers", lambda: httpx.get(f"{self.url}/ping", trust_env=False).status_code == 200)

    def kill(self) -> None:
        """kill -9."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@pytest.fixture(scope="module")
def clickhouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouse]:
    server = ClickHouse(tmp_path_factory.mktemp("clickhouse"))
    server.start()
    migrate(MigrateSettings(clickhouse_url=server.url))
    client = clickhouse_connect.get_client(dsn=server.url, database="gputicker")
    _insert(client, "price_windows", [_window(step, "") for step in range(3)] + [_window(0, "lumen", scope="provider")])
    _insert(client, "price_windows", [_window(5, "", market="recorded")])
    _insert(client, "price_anomalies", [_anomaly("a", "opened", 0), _anomaly("a", "closed", 30), _anomaly("b", "opened", 20)])
    client.close()
    yield server
    server.kill()


@pytest.fixture(scope="module")
def api(clickhouse: ClickHouse) -> Iterator[ApiServer]:
    server = ApiServer(f"redis://127.0.0.1:{free_port()}/0", GPUTICKER_CLICKHOUSE_URL=clickhouse.url)
    server.start()
    yield server
    server.stop()


def _insert(client: Any, table: str, rows: list[dict[str, Any]]) -> None:
    fed = [{**row, "topic": table, "partition": 0, "offset": number} for number, row in enumerate(rows)]
    client.insert(table, [list(row.values()) for row in fed], column_names=list(fed[0]))


def _window(step: int, provider: str, scope: str = "market", market: str = "simulated") -> dict[str, Any]:
    start = START + timedelta(minutes=5 * step)
    statistics = ("min", "max", "mean", "sd", "median", "p10", "p90")
    baselines = ("baseline_mean", "baseline_sd", "baseline_median", "baseline_iqr")
    return {
        "window_start": start,
        "window_end": start + timedelta(minutes=5),
        "market": market,
        "scope": scope,
        "gpu": "H100-SXM-80",
        "price_type": "on_demand",
        "provider": provider,
        "offers": 3,
        "providers": 2,
        **{f"{name}_micros": 2_490_000 + step for name in statistics},
        "available_share": 0.5,
        "z": None,
        "robust_z": 1.25,
        "baseline_windows": 12,
        **{f"{name}_micros": 2_000_000.5 for name in baselines},
        "trend_per_hour": None,
        "revision": 0,
    }


def _anomaly(anomaly_id: str, status: str, minutes: int) -> dict[str, Any]:
    return {
        "anomaly_id": anomaly_id,
        "kind": "spike",
        "status": status,
        "provisional": False,
        "event_time": START + timedelta(minutes=minutes),
        "opened_at": START,
        "market": "simulated",
        "gpu": "H100-SXM-80",
        "price_type": "on_demand",
        "provider": "lumen",
        "source": "lumen",
        "offer_key": "h1",
        "observed_micros": 7_980_000.0,
        "centre_micros": 2_990_000.0,
        "spread_micros": 89_700.0,
        "z": 55.6,
        "mean_z": None,
        "baseline_count": 60,
        "providers_moved": None,
        "evidence": "7.98 where 2.99 is usual",
    }


def test_windows(api: ApiServer) -> None:
    answer = msgspec.json.decode(api.get("/v1/windows", gpu="h100-sxm-80", scope="market").content, type=WindowsTold)
    assert [window.min_usd_per_gpu_hour for window in answer.windows] == ["2.490002", "2.490001", "2.490000"]
    newest = answer.windows[0]
    assert newest.window_start == (START + timedelta(minutes=10)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    assert (newest.z, newest.robust_z, newest.baseline_mean_usd_per_gpu_hour) == (None, 1.25, "2.000000")


@pytest.mark.parametrize(
    ("parameters", "count"),
    [
        ({"provider": "lumen"}, 1),
        ({"scope": "provider"}, 1),
        ({"price_type": "spot"}, 0),
        ({"limit": 2}, 2),
        ({"from": (START + timedelta(minutes=5)).isoformat()}, 2),
        ({"to": (START + timedelta(minutes=5)).isoformat(), "scope": "market"}, 1),
    ],
)
def test_window_filters(api: ApiServer, parameters: dict[str, Any], count: int) -> None:
    assert api.get("/v1/windows", **parameters).json()["count"] == count


def test_anomalies(api: ApiServer) -> None:
    answer = msgspec.json.decode(api.get("/v1/anomalies").content, type=AnomaliesTold)
    told = {one.anomaly_id: one for one in answer.anomalies}
    assert (told["a"].status, told["b"].status, told["b"].closed_at) == ("closed", "opened", None)
    assert told["a"].closed_at == (START + timedelta(minutes=30)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    assert told["a"].observed_usd_per_gpu_hour == "7.980000"
    assert api.get("/v1/anomalies", status="opened").json()["count"] == 1
    assert api.get("/v1/anomalies", provider="nobody").json()["anomalies"] == []


def test_history(api: ApiServer) -> None:
    answer = msgspec.json.decode(api.get("/v1/history", hours=24).content, type=HistoryTold)
    assert [one.gpu for one in answer.series] == ["H100-SXM-80"]
    assert answer.series[0].min_usd_per_gpu_hour == ["2.490000", "2.490001", "2.490002"]
    assert answer.series[0].window_start_ms[0] == round(START.timestamp() * 1000)
    assert api.get("/v1/history", hours=1).json()["series"] == []


def test_while_clickhouse_is_away_history_says_so_and_comes_back(api: ApiServer, clickhouse: ClickHouse) -> None:
    clickhouse.kill()
    response = api.get("/v1/windows")
    assert response.status_code == 503
    assert "ClickHouse" in response.json()["error"]["message"]
    assert api.metric("gputicker_clickhouse_up") == 0
    assert api.get("/v1/providers").status_code == 200
    clickhouse.start()
    eventually("windows again", lambda: api.get("/v1/windows").status_code == 200)
    assert api.metric("gputicker_clickhouse_up") == 1
