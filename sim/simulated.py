"""The simulated market as one thing: every provider's answers, with its incidents applied, at any moment."""

import sys
from collections.abc import Hashable

import msgspec

from sim.exchange import Answer, Exchange, Wire, json_answer
from sim.incidents import Incident, Incidents, Kind, Target
from sim.market import Market, by_key
from sim.wire import all_wires
from sim.wire.ecb import EcbWire

HTML = b"<!DOCTYPE html><html><head><title>Maintenance</title></head><body><h1>We'll be back soon</h1></body></html>"
RETRY_AFTER_S = 20
SLOW_S, HANG_S = 3.0, 40.0
CACHED_ANSWERS = 2_000


class Reply(msgspec.Struct, frozen=True):
    """An answer, and how long to wait before it is given."""

    answer: Answer
    delay_s: float = 0.0


class Simulated:
    """Answers for all providers. Prices of every moment follow from `seed`; `live_from_ms` says since when incidents come often and the
    market is crowded: before that it holds a fifth of the offers.
    """

    def __init__(
        self, seed: int, live_from_ms: int, *, incidents: bool = True, crowd: bool = True, running_from_ms: int | None = None
    ) -> None:
        wires = all_wires()
        self.seed = seed
        self.wires: dict[str, Wire] = {wire.provider: wire for wire in [*wires, EcbWire()]}
        self._by_host: dict[str, list[Wire]] = {}
        for wire in self.wires.values():
            for host in wire.hosts:
                self._by_host.setdefault(host, []).append(wire)
        listings = [listing for wire in wires for listing in wire.listings]
        self._by_provider = {wire.provider: (wire, by_key(wire.listings)) for wire in wires}
        targets = [Target(listing.provider, listing.gpu, listing.key) for listing in listings]
        strangers = [wire.provider for wire in wires if wire.strange is not None]
        self.incidents = Incidents(
            targets, seed, live_from_ms, self.rentable, automatic=incidents, running_from_ms=running_from_ms, strangers=strangers
        )
        crowd_from_ms = live_from_ms - live_from_ms % 1000 if crowd else sys.maxsize
        self.market = Market(listings, seed, self.incidents, crowd_from_ms)
        self._past = Market(listings, seed, self.incidents, crowd_from_ms, misstated=False)
        self._second = -1
        self._cached: dict[tuple[str, str, str, frozenset[tuple[str, str]], Hashable, bytes], Answer] = {}

    def reply(self, exchange: Exchange, now_ms: int) -> Reply:
        """What a request gets now. Moves in steps of a second, in which equal requests get equal bytes."""
        wire = self._wire(exchange)
        if wire is None:
            return Reply(json_answer({"message": f"no such host in the simulated market: {exchange.host}"}, 404))
        at_ms = now_ms - now_ms % 1000
        incident = self.incidents.transport_at(now_ms, wire.provider)
        if incident is None or wire.guarded(exchange):
            return Reply(self._answer(wire, exchange, at_ms))
        return _faulty(incident.kind, wire, exchange, self._answer(wire, exchange, at_ms))

    def answer(self, exchange: Exchange, at_ms: int) -> Answer:
        """The provider's answer at a moment, whatever happened to its transport or its units then: what history is made of.

        Raises KeyError for a host that isn't simulated.
        """
        wire = self._wire(exchange)
        if wire is None:
            raise KeyError(exchange.host)
        return wire.answer(self._past, exchange, at_ms)

    def _wire(self, exchange: Exchange) -> Wire | None:
        """The source whose request this is; the first at that host where none knows it."""
        wires = self._by_host.get(exchange.host, [])
        return next((wire for wire in wires if len(wires) == 1 or wire.knows(exchange)), wires[0] if wires else None)

    def rentable(self, target: Target, at_ms: int) -> bool:
        wire, listings = self._by_provider[target.provider]
        return wire.rentable(self.market, listings[target.offer], at_ms)

    def recent_incidents(self, now_ms: int, hours: int = 24) -> list[Incident]:
        return self.incidents.between(now_ms - hours * 3_600_000, now_ms + 600_000)

    def _answer(self, wire: Wire, exchange: Exchange, at_ms: int) -> Answer:
        if at_ms != self._second or len(self._cached) >= CACHED_ANSWERS:
            self._second, self._cached = at_ms, {}
        key = (
            exchange.host,
            exchange.method,
            exchange.path,
            frozenset(exchange.query.items()),
            wire.told_apart(exchange),
            exchange.body,
        )
        answer = self._cached.get(key)
        if answer is None:
            answer = self._cached[key] = wire.answer(self.market, exchange, at_ms)
        return answer

    def forget(self) -> None:
        """Rendered answers are no longer right, because an incident began or ended."""
        self._cached = {}
        for wire in self.wires.values():
            wire.forget()


def _faulty(kind: Kind, wire: Wire, exchange: Exchange, answer: Answer) -> Reply:
    """What an incident on a provider's answers makes of one."""
    match kind:
        case "slow":
            return Reply(answer, SLOW_S)
        case "hang":
            return Reply(json_answer({"message": "Gateway Timeout"}, 504), HANG_S)
        case "throttle":
            headers = {"content-type": "text/plain", "retry-after": str(RETRY_AFTER_S)}
            return Reply(Answer(429, headers, b"API requests too frequent"))
        case "html":
            return Reply(Answer(200, {"content-type": "text/html"}, HTML))
        case "empty":
            return Reply(Answer(200, {"content-type": answer.headers["content-type"]}, wire.nothing(exchange)))
        case "truncated":
            return Reply(Answer(answer.status, answer.headers, answer.body[: len(answer.body) * 2 // 3]))
        case "renamed_field":
            return Reply(Answer(answer.status, answer.headers, wire.renamed(answer.body)))
        case "missing_field":
            return Reply(Answer(answer.status, answer.headers, wire.without(answer.body)))
        case "retyped_field":
            return Reply(Answer(answer.status, answer.headers, wire.retyped(answer.body)))
        case "unknown_gpu":
            return Reply(Answer(answer.status, answer.headers, wire.with_strange(exchange, answer.body)))
        case "shrunk":
            return Reply(Answer(answer.status, answer.headers, wire.shrunk(answer.body)))
        case _:
            return Reply(json_answer({"message": "Internal Server Error"}, 500))
