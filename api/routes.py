"""The routes: one table, from which requests are dispatched and openapi.json is made."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from api import answers, examples
from api.params import (
    AnomaliesParameters,
    CheapestParameters,
    GpusParameters,
    HistoryParameters,
    NoParameters,
    OffersParameters,
    Parameters,
    RefreshBody,
    WindowsParameters,
)
from api.service import Service

Handler = Callable[[Service, Any], bytes | Awaitable[bytes]]
BASE_ERRORS = (404, 405, 422, 500)


@dataclass(frozen=True, slots=True)
class Route:
    """One route that answers JSON. `cached`: the same bytes may answer again within the same second and snapshot version."""

    path: str
    summary: str
    about: str
    parameters: type[Parameters]
    answer: type[msgspec.Struct]
    example: msgspec.Struct
    handler: Handler
    tag: Literal["prices", "history", "operations"] = "prices"
    method: Literal["GET", "POST"] = "GET"
    body: type[msgspec.Struct] | None = None
    body_example: msgspec.Struct | None = None
    status: int = 200
    errors: tuple[int, ...] = ()
    cached: bool = False
    asks_for_refresh: bool = False


async def _refresh(service: Service, body: RefreshBody) -> bytes:
    return await service.refresh(body)


ROUTES = (
    Route(
        path="/v1/offers",
        summary="Offers, filtered and ordered",
        about="Fresh and stale offers from this process's copy of the newest snapshots. Expired ones are left out and their source "
        "is named in `missing`. 503 where nothing is servable. Reading data older than two thirds of its source's `fresh_s` asks the "
        "bridge, once and in the background, for a refresh.",
        parameters=OffersParameters,
        answer=answers.OffersTold,
        example=examples.OFFERS,
        handler=Service.offers,
        errors=(503,),
        cached=True,
        asks_for_refresh=True,
    ),
    Route(
        path="/v1/cheapest",
        summary="The cheapest offer of each GPU and price type",
        about="What is known to be rentable goes first. Where nothing is, the cheapest offer of unknown stock is told (its "
        "`availability` says so) unless available=true; a sold-out one never is.",
        parameters=CheapestParameters,
        answer=answers.OffersTold,
        example=examples.OFFERS,
        handler=Service.cheapest,
        errors=(503,),
        cached=True,
        asks_for_refresh=True,
    ),
    Route(
        path="/v1/providers",
        summary="Sources and how they are",
        about="Every source with its health, age, offers by freshness, last error and terms of use. Answers also while nothing is "
        "servable.",
        parameters=NoParameters,
        answer=answers.ProvidersTold,
        example=examples.PROVIDERS,
        handler=Service.providers,
        cached=True,
    ),
    Route(
        path="/v1/rates",
        summary="Exchange rates",
        about="USD for one unit of each currency, as prices are converted with now, with the day of each and who says so. 503 until the "
        "bridge has said.",
        parameters=NoParameters,
        answer=answers.RatesTold,
        example=examples.RATES,
        handler=Service.rates,
        errors=(503,),
        cached=True,
    ),
    Route(
        path="/v1/gpus",
        summary="The canonical GPUs",
        about="Every GPU id that an offer may have, with its facts, the number of fresh offers, and the cheapest price on demand. "
        "Answers also while nothing is servable.",
        parameters=GpusParameters,
        answer=answers.GpusTold,
        example=examples.GPUS,
        handler=Service.gpus,
        cached=True,
    ),
    Route(
        path="/v1/windows",
        summary="Window statistics",
        about="Price windows from ClickHouse, newest first. 503 while ClickHouse is away.",
        parameters=WindowsParameters,
        answer=answers.WindowsTold,
        example=examples.WINDOWS,
        handler=Service.windows,
        tag="history",
        errors=(503,),
    ),
    Route(
        path="/v1/history",
        summary="Each GPU's lowest price, window by window",
        about="The lowest market price per GPU and window over the last hours, from ClickHouse: small enough to draw every GPU from "
        "one answer.",
        parameters=HistoryParameters,
        answer=answers.HistoryTold,
        example=examples.HISTORY,
        handler=Service.price_history,
        tag="history",
        errors=(503,),
    ),
    Route(
        path="/v1/anomalies",
        summary="Incidents",
        about="Spikes, repricings, market moves and collector faults from ClickHouse, newest first. 503 while ClickHouse is away.",
        parameters=AnomaliesParameters,
        answer=answers.AnomaliesTold,
        example=examples.ANOMALIES,
        handler=Service.anomalies,
        tag="history",
        errors=(503,),
    ),
    Route(
        path="/v1/review",
        summary="Unknown GPU names",
        about="GPU names that providers write and the canonical table does not know: their rows are no offers until somebody decides. "
        "A name is kept for 30 days after it was last seen. From Redis; 503 while that is away.",
        parameters=NoParameters,
        answer=answers.ReviewTold,
        example=examples.REVIEW,
        handler=Service.review,
        tag="operations",
        errors=(503,),
    ),
    Route(
        path="/v1/refresh",
        summary="Ask for a poll",
        about="Asks the bridge to poll one source now; does not wait for it. Within ten seconds of another such request nothing more "
        "is asked.",
        parameters=NoParameters,
        answer=answers.RefreshTold,
        example=examples.REFRESH,
        handler=_refresh,
        tag="operations",
        method="POST",
        body=RefreshBody,
        body_example=examples.REFRESH_BODY,
        status=202,
        errors=(413, 503),
    ),
)
