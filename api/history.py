"""Windows, incidents and price history from ClickHouse. Short timeouts; whatever goes wrong there is one Unavailable here."""

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import aiohttp
import clickhouse_connect
from clickhouse_connect.driver.exceptions import ClickHouseError

from api import moments
from api.answers import AnomalyTold, SeriesTold, WindowTold, usd
from api.errors import BadParameter, Unavailable
from api.params import AnomaliesParameters, HistoryParameters, WindowsParameters
from api.settings import ApiSettings
from api.store import matching_gpus
from clickhouse import queries
from clickhouse.queries import Query

log = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 1
QUERY_TIMEOUT_S = 5
AT_ONCE = 4
LOOK_EVERY_S = 10.0
FIRST_YEAR, LAST_YEAR = 1970, 2200
ERRORS = (ClickHouseError, aiohttp.ClientError, OSError, TimeoutError)
_MICROS = "_micros"

Row = dict[str, Any]
T = TypeVar("T")


class History:
    """ClickHouse, connected to when first needed. `up` is None until it has been looked at."""

    def __init__(self, settings: ApiSettings) -> None:
        self._settings = settings
        self._client: Any = None
        self._connecting = asyncio.Lock()
        self._slots = asyncio.Semaphore(AT_ONCE)
        self.up: bool | None = None

    async def watch(self) -> None:
        """Look every few seconds whether ClickHouse answers, until cancelled."""
        try:
            while True:
                try:
                    async with asyncio.timeout(QUERY_TIMEOUT_S):
                        client = await self._connected()
                        self._is_up(await client.ping())
                except ERRORS as error:
                    self._is_up(False, error)
                await asyncio.sleep(LOOK_EVERY_S)
        finally:
            if self._client is not None:
                await self._client.close()

    async def windows(self, parameters: WindowsParameters) -> list[WindowTold]:
        """Windows, newest first. Raises BadParameter and Unavailable."""
        query = queries.windows(
            gpu=_gpu(parameters.gpu),
            price_type=parameters.price_type,
            provider=parameters.provider,
            scope=parameters.scope,
            market=self._settings.market,
            start=_moment("from", parameters.from_),
            end=_moment("to", parameters.to),
            limit=parameters.limit,
        )
        return await self._rows(query, lambda row: WindowTold(**_told(row)))

    async def anomalies(self, parameters: AnomaliesParameters) -> list[AnomalyTold]:
        """Incidents, newest first. Raises BadParameter and Unavailable."""
        query = queries.anomalies(
            kind=parameters.kind,
            gpu=_gpu(parameters.gpu),
            provider=parameters.provider,
            status=parameters.status,
            market=self._settings.market,
            start=_moment("from", parameters.from_),
            end=_moment("to", parameters.to),
            limit=parameters.limit,
        )
        return await self._rows(query, lambda row: AnomalyTold(**_told(row)))

    async def series(self, parameters: HistoryParameters, now: datetime) -> list[SeriesTold]:
        """The lowest market price per GPU and window. Raises BadParameter and Unavailable."""
        query = queries.cheapest_history(
            now=now,
            hours=parameters.hours,
            gpu=_gpu(parameters.gpu),
            price_type=parameters.price_type,
            market=self._settings.market,
        )
        points = await self._rows(query, lambda row: (row["gpu"], _unix_ms(row["window_start"]), usd(row["min_micros"])))
        series: dict[str, SeriesTold] = {}
        for gpu, start_ms, price in points:
            one = series.setdefault(gpu, SeriesTold(gpu=gpu, window_start_ms=[], min_usd_per_gpu_hour=[]))
            one.window_start_ms.append(start_ms)
            one.min_usd_per_gpu_hour.append(price)
        return list(series.values())

    async def _rows(self, query: Query, told: Callable[[Row], T]) -> list[T]:
        try:
            async with asyncio.timeout(QUERY_TIMEOUT_S), self._slots:
                client = await self._connected()
                result = await client.query(query.sql, parameters=query.parameters)
                rows = [told(row) for row in result.named_results()]
        except ERRORS as error:
            self._is_up(False, error)
            raise Unavailable(f"ClickHouse does not answer ({type(error).__name__}): history is not available now") from error
        self._is_up(True)
        return rows

    async def _connected(self) -> Any:
        async with self._connecting:
            if self._client is None:
                settings = self._settings
                self._client = await clickhouse_connect.get_async_client(
                    dsn=settings.clickhouse_url,
                    database=settings.clickhouse_database,
                    username=settings.clickhouse_user,
                    password=settings.clickhouse_password.get_secret_value(),
                    connect_timeout=CONNECT_TIMEOUT_S,
                    send_receive_timeout=QUERY_TIMEOUT_S,
                    query_retries=0,
                    autogenerate_session_id=False,
                )
        return self._client

    def _is_up(self, up: bool, error: BaseException | None = None) -> None:
        if up != self.up:
            log.log(
                logging.INFO if up else logging.WARNING,
                "clickhouse %s",
                "answers" if up else f"does not answer: {type(error).__name__ if error else 'ping'}",
            )
        self.up = up


def _told(row: Row) -> Row:
    """A row in the API's terms: times as text, micros as decimal text under the name of what they are."""
    told: Row = {}
    for name, value in row.items():
        if name.endswith(_MICROS):
            told[name.removesuffix(_MICROS) + "_usd_per_gpu_hour"] = None if value is None else usd(value)
        elif isinstance(value, datetime):
            told[name] = moments.tell(_aware(value))
        else:
            told[name] = value
    return told


def _gpu(asked: str | None) -> str | None:
    if asked is None:
        return None
    ids = matching_gpus(asked, ())
    if len(ids) != 1:
        what = f"stands for {len(ids)} GPUs: {', '.join(ids)}; give one" if ids else "is no GPU's id; ids look like H100-SXM-80"
        raise BadParameter("gpu", f"{asked!r} {what}")
    return ids[0]


def _moment(name: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise BadParameter(name, f"no such moment: {text!r}") from error
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise BadParameter(name, f"expected a year from {FIRST_YEAR} to {LAST_YEAR}, got {text!r}")
    return moment


def _aware(value: datetime) -> datetime:
    # clickhouse-connect gives naive datetimes for a UTC column unless told otherwise.
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value


def _unix_ms(value: datetime) -> int:
    return round(_aware(value).timestamp() * 1000)
