// What the dashboard shows, drawn anew from the newest answers.

import { age, date, element, percent, price, time, words } from "./format.js";
import { change, sparkline } from "./spark.js";

const STOCK = { high: "good", available: "good", medium: "good", low: "warn", unknown: "", sold_out: "bad" };
const HEALTH = { ok: "good", degraded: "warn", down: "bad", quarantined: "bad", off: "" };
const KINDS = { spike: "Spike", provider_repricing: "Repricing", market_move: "Market move", collector_fault: "Collector fault" };
const DAY_MS = 86_400_000;

const byId = (id) => document.getElementById(id);
const cell = (attributes, ...children) => element("td", { role: "cell", ...attributes }, ...children);

/** An age that goes on counting by itself: app.js advances every [data-age]. */
function ageText(seconds, fetchedAt) {
  return seconds === null
    ? element("span", { text: "never" })
    : element("span", { "data-age": seconds, "data-fetched": fetchedAt, text: age(seconds) });
}

/** The price table. `history` is null until ClickHouse has answered. */
export function prices(answer, fetchedAt, history, view) {
  const byGpu = new Map();
  for (const offer of answer.offers) {
    if (view.priceType && offer.price_type !== view.priceType) continue;
    const held = byGpu.get(offer.gpu);
    if (!held || rank(offer) < rank(held)) byGpu.set(offer.gpu, offer);
  }
  const series = new Map((history?.answer.series ?? []).map((one) => [one.gpu, one]));
  const wanted = view.search.trim().toLowerCase();
  const shown = [...byGpu.values()].filter(
    (offer) => !wanted || `${offer.gpu} ${offer.provider}`.toLowerCase().includes(wanted),
  );
  shown.sort(order(view, series));
  byId("price-rows").replaceChildren(...shown.map((offer) => priceRow(offer, fetchedAt, history, series.get(offer.gpu))));
  byId("prices").hidden = shown.length === 0;
  const empty = byId("prices-empty");
  empty.hidden = shown.length > 0;
  empty.textContent = answer.offers.length
    ? "No GPU matches. Clear the search or choose another price type."
    : "Nothing is rentable now. Offers appear here as soon as a provider has stock.";
  byId("tally-gpus").textContent = byGpu.size;
}

// Known stock goes before unknown stock, as in the API's own answer; then the price decides.
const rank = (offer) => Number(offer.usd_per_gpu_hour) + (offer.availability === "unknown" ? 1e6 : 0);

function order(view, series) {
  const value = {
    gpu: (offer) => offer.gpu,
    price: (offer) => Number(offer.usd_per_gpu_hour),
    change: (offer) => change(series.get(offer.gpu))?.share ?? -Infinity,
  }[view.sort];
  const way = view.descending ? -1 : 1;
  return (a, b) => {
    const [left, right] = [value(a), value(b)];
    return way * (left < right ? -1 : left > right ? 1 : 0) || (a.gpu < b.gpu ? -1 : 1);
  };
}

function priceRow(offer, fetchedAt, history, series) {
  const stale = offer.freshness === "stale" ? [" ", element("span", { class: "badge warn", text: "stale" })] : [];
  const count = offer.available_count === null ? "" : ` (${offer.available_count})`;
  return element(
    "tr",
    { role: "row" },
    cell({ class: "gpu", text: offer.gpu }),
    cell({ class: "num price", title: `${offer.amount} ${offer.currency} per ${offer.unit}, ${words(offer.basis)}`, text: price(offer.usd_per_gpu_hour) }),
    cell({}, offer.provider, " ", element("span", { class: "sub", text: words(offer.price_type) })),
    cell({ class: "region", text: offer.country && !offer.region.includes(offer.country) ? `${offer.region}, ${offer.country}` : offer.region || "–" }),
    cell({ class: "num", text: offer.gpu_count }),
    cell({}, element("span", { class: `badge ${STOCK[offer.availability] ?? ""}`, text: words(offer.availability) + count })),
    cell({ class: "num" }, ageText(offer.age_s, fetchedAt), ...stale),
    cell({}, trend(history, series)),
    changeCell(series),
  );
}

function trend(history, series) {
  if (!history) return element("span", { class: "sub", text: "–" });
  if (!series) return element("span", { class: "sub", text: "after the first window" });
  return sparkline(series, history.at - DAY_MS, history.at, history.answer.window_s * 1000);
}

function changeCell(series) {
  const told = change(series);
  if (!told) return cell({ class: "num sub", text: "–" });
  const way = Math.abs(told.share) < 0.0005 ? "sub" : told.share > 0 ? "up" : "down";
  const short = told.hours < 23 ? [" ", element("span", { class: "sub", text: `in ${told.hours < 1 ? "1" : Math.round(told.hours)} h` })] : [];
  return cell({ class: "num" }, element("span", { class: way, text: percent(told.share) }), ...short);
}

/** The chips of the price types on offer, and "all". */
export function priceTypes(answer, view, choose) {
  const types = [...new Set(answer.offers.map((offer) => offer.price_type))].sort();
  if (view.priceType && !types.includes(view.priceType)) types.push(view.priceType);
  const group = byId("price-types");
  const wanted = ["", ...types].join();
  if (group.dataset.types !== wanted) {
    group.dataset.types = wanted;
    group.replaceChildren(
      ...["", ...types].map((type) => {
        const button = element("button", { type: "button", "data-type": type, text: type ? words(type) : "all types" });
        button.addEventListener("click", () => choose(type));
        return button;
      }),
    );
  }
  for (const button of group.children) button.setAttribute("aria-pressed", String(button.dataset.type === view.priceType));
}

/** The table of sources and the tally above. */
export function providers(answer, fetchedAt) {
  const order = { quarantined: 0, down: 1, degraded: 2, ok: 3, off: 4 };
  const told = [...answer.providers].sort((a, b) => order[a.health] - order[b.health] || (a.source < b.source ? -1 : 1));
  byId("provider-rows").replaceChildren(
    ...told.map((one) =>
      element(
        "tr",
        { role: "row" },
        cell({ class: "gpu", title: one.terms, text: one.title }),
        cell({}, element("span", { class: `badge ${HEALTH[one.health]}`, text: one.health })),
        cell({ class: "num" }, ageText(one.age_s, fetchedAt)),
        cell({ class: "num" }, String(one.offers), ...(one.expired ? [element("span", { class: "sub expired", text: ` ${one.expired} expired` })] : [])),
        cell({ class: "num", text: one.latency_ms === null ? "–" : `${Math.round(one.latency_ms)} ms` }),
        cell({ class: "error", text: one.error ?? "" }),
      ),
    ),
  );
  byId("providers").hidden = told.length === 0;
  byId("providers-empty").hidden = told.length > 0;
  const well = told.filter((one) => one.health === "ok").length;
  byId("providers-count").textContent = told.length ? `${well} of ${told.length} ok` : "";
  for (const name of ["fresh", "stale", "expired"]) byId(`tally-${name}`).textContent = answer.offers[name];
  byId("tally-as-of").textContent = time(answer.as_of);
}

/** Incidents, open ones first. */
export function anomalies(answer) {
  const told = [...answer.anomalies].sort((a, b) => (a.status === "opened" ? 0 : 1) - (b.status === "opened" ? 0 : 1));
  byId("anomaly-rows").replaceChildren(...told.map(anomaly));
  byId("anomaly-rows").hidden = told.length === 0;
  const open = told.filter((one) => one.status === "opened").length;
  byId("anomalies-count").textContent = told.length ? `${open} open, ${told.length - open} closed in 24 h` : "";
  const empty = byId("anomalies-empty");
  empty.hidden = told.length > 0;
  empty.textContent =
    "No incident in the last 24 hours. When a price leaves its own history, a provider reprices, the market moves or a collector fails, it is told here with its evidence.";
}

function anomaly(one) {
  const what = [one.gpu, one.price_type && words(one.price_type), one.provider ?? one.source].filter(Boolean).join(" · ");
  const head = element(
    "div",
    { class: "anomaly-head" },
    element("span", { class: `badge ${one.status === "opened" ? "bad" : ""}`, text: one.status === "opened" ? "open" : "closed" }),
    element("span", { class: "anomaly-what", text: KINDS[one.kind] ?? words(one.kind) }),
    element("span", { text: what }),
    ...(one.provisional ? [element("span", { class: "badge warn", title: "No closed window has judged it yet", text: "provisional" })] : []),
  );
  const item = element("li", {}, element("time", { datetime: one.opened_at, text: date(one.opened_at) }), head);
  const far = howFar(one);
  if (far) item.append(element("p", { class: "far", text: far }));
  item.append(element("p", { text: one.evidence }));
  return item;
}

function howFar(one) {
  const parts = [];
  if (one.observed_usd_per_gpu_hour !== null && one.centre_usd_per_gpu_hour !== null) {
    const share = Number(one.observed_usd_per_gpu_hour) / Number(one.centre_usd_per_gpu_hour) - 1;
    parts.push(`${price(one.observed_usd_per_gpu_hour)} against ${price(one.centre_usd_per_gpu_hour)} USD`);
    if (Number.isFinite(share)) parts.push(percent(share));
  }
  if (one.z !== null) parts.push(`z ${one.z.toFixed(1)}`);
  if (one.providers_moved !== null) parts.push(`${one.providers_moved} providers`);
  return parts.join(" · ");
}

/** The lines above the panels: what is wrong, in words. Nothing is drawn anew while nothing changes, so that it is read out once. */
export function notices(lines) {
  const box = byId("notices");
  const wanted = JSON.stringify(lines);
  if (box.dataset.lines === wanted) return;
  box.dataset.lines = wanted;
  box.replaceChildren(
    ...lines.map(({ bad, title, text }) =>
      element("p", { class: bad ? "notice bad" : "notice" }, element("strong", { text: title }), text ? ` ${text}` : ""),
    ),
  );
}
