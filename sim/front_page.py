"""GET /: what this server is, in plain HTML."""

from datetime import UTC, datetime
from html import escape

from sim.incidents import PPM, Incident
from sim.recorded import Recorded
from sim.simulated import Simulated

PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<style>body{{font-family:sans-serif;max-width:60em;margin:2em auto;padding:0 1em}}td,th{{text-align:left;padding:.2em 1em .2em 0}}</style>
</head><body><h1>{title}</h1>
{body}
</body></html>
"""


def simulated_page(market: Simulated, now_ms: int) -> str:
    """Seed, providers and the incidents of the last day, those in force first named so."""
    providers = "".join(
        f"<tr><td>{escape(wire.provider)}</td><td><code>/{escape(wire.host)}/</code></td><td>{len(wire.listings)}</td></tr>"
        for wire in market.wires.values()
    )
    rows = "".join(_incident(incident, now_ms) for incident in reversed(market.recent_incidents(now_ms)))
    body = f"""<p><strong>Simulated market: these are not real prices.</strong> Every answer here is made up from seed {market.seed},
in the form in which the real provider answers. Nothing on this server can be rented.</p>
<h2>Providers</h2>
<table><tr><th>provider</th><th>answers under</th><th>listings</th></tr>{providers}</table>
<h2>Incidents of the last 24 hours, and those announced</h2>
<table><tr><th>from (UTC)</th><th>to</th><th>state</th><th>kind</th>
<th>provider</th><th>GPU</th><th>offer</th><th>factor</th></tr>{rows}</table>
<p>Most offers joined when this market was first started; before that it held a fifth of them.</p>
<p>Times of other days: <code>GET /sim/history?from_ms=&amp;to_ms=&amp;step_ms=</code>.
Own incidents: <code>POST /sim/incidents</code>.</p>"""
    return PAGE.format(title="gputicker: simulated market", body=body)


def recorded_page(market: Recorded) -> str:
    names = ", ".join(escape(name) for name in market.providers)
    body = f"<p><strong>Recorded answers: real once, not the prices of today.</strong></p><p>Recordings of: {names}.</p>"
    return PAGE.format(title="gputicker: recorded answers", body=body)


def _incident(incident: Incident, now_ms: int) -> str:
    state = "over" if incident.to_ms <= now_ms else "announced" if incident.from_ms > now_ms else "in force"
    factor = f"{incident.factor_ppm / PPM:g}" if incident.factor_ppm != PPM else ""
    cells = (
        _time(incident.from_ms),
        _time(incident.to_ms),
        state,
        incident.kind,
        incident.provider or "all",
        incident.gpu or "",
        incident.offer or "",
        factor,
    )
    return f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"


def _time(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
