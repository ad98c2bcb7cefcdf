// The dashboard: asks the API every few seconds and draws what it says. What fails is said above the panels, and asked for again.

import { age } from "./format.js";
import * as render from "./render.js";

const TIMEOUT_MS = 6000;
const EVERY_MS = { offers: 5000, providers: 5000, anomalies: 15000, history: 60000 };
const RETRY_MS = 5000;

const view = { priceType: "on_demand", search: "", sort: "gpu", descending: false };
const held = { offers: null, providers: null, anomalies: null, history: null };
const failed = {};

const PATHS = {
  offers: () => "/v1/cheapest",
  providers: () => "/v1/providers",
  anomalies: () => `/v1/anomalies?limit=50&from=${new Date(Date.now() - 86_400_000).toISOString()}`,
  history: () => `/v1/history?hours=24${view.priceType ? `&price_type=${view.priceType}` : ""}`,
};
const timers = {};
const asked = {};

async function ask(name) {
  clearTimeout(timers[name]);
  const turn = (asked[name] = (asked[name] ?? 0) + 1);
  try {
    const response = await fetch(PATHS[name](), { cache: "no-store", signal: AbortSignal.timeout(TIMEOUT_MS) });
    const body = await response.json();
    // A newer question (another price type) was asked meanwhile: this answer is to the old one.
    if (turn !== asked[name]) return;
    if (response.ok) {
      held[name] = { answer: body, fetchedAt: performance.now(), at: Date.now() };
      delete failed[name];
    } else {
      failed[name] = { reached: true, message: body.error?.message ?? `status ${response.status}` };
    }
  } catch (error) {
    if (turn !== asked[name]) return;
    failed[name] = { reached: false, message: error.name === "TimeoutError" ? "no answer in time" : "no connection" };
  }
  draw(name);
  timers[name] = setTimeout(() => ask(name), failed[name] ? RETRY_MS : EVERY_MS[name]);
}

function draw(name) {
  if ((name === "offers" || name === "history" || name === "view") && held.offers) {
    render.priceTypes(held.offers.answer, view, choosePriceType);
    render.prices(held.offers.answer, held.offers.fetchedAt, held.history, view);
  }
  if (name === "providers" && held.providers) render.providers(held.providers.answer, held.providers.fetchedAt);
  if (name === "anomalies" && held.anomalies) render.anomalies(held.anomalies.answer);
  if (name === "anomalies" && failed.anomalies && !held.anomalies) {
    document.getElementById("anomalies-empty").textContent =
      "Anomalies come from ClickHouse, which does not answer yet. This list fills itself as soon as it does.";
  }
  drawNotices();
}

function drawNotices() {
  const lines = [];
  const unreachable = Object.values(failed).some((one) => !one.reached);
  if (unreachable) {
    const text = "What is shown is what it last said; the ages go on counting. Trying again.";
    render.notices([{ bad: true, title: "The API does not answer.", text }]);
    document.body.classList.add("is-old");
    return;
  }
  if (failed.offers) {
    lines.push({ bad: true, title: "No offer can be served:", text: `${failed.offers.message}.` });
  }
  if (failed.anomalies || failed.history) {
    lines.push({ title: "History and anomalies are not available:", text: `${(failed.history ?? failed.anomalies).message}.` });
  }
  const redis = held.providers?.answer.degraded.find((part) => part.part === "redis");
  if (redis) lines.push({ bad: true, title: "Redis:", text: steady(redis.reason) });
  const sources = held.providers?.answer.providers ?? [];
  const gone = sources.filter((one) => one.health === "down" || one.health === "quarantined");
  const shaky = sources.filter((one) => one.health === "degraded");
  if (gone.length) lines.push({ bad: true, ...told(gone) });
  if (shaky.length) lines.push(told(shaky));
  render.notices(lines);
  document.body.classList.toggle("is-old", Boolean(failed.offers));
}

// One source with its reason; of several only the names: the table below has the reasons.
function told(sources) {
  if (sources.length === 1) return { title: `${sources[0].title} is ${sources[0].health}:`, text: steady(sources[0].error ?? "no reason given") };
  return { title: `${sources.length} sources are not well:`, text: sources.map((one) => `${one.title} ${one.health}`).join(", ") };
}

// Seconds that grow in a sentence would have it read out again and again.
const steady = (text) => text.replace(/ for \d+ s\b/, "");

function choosePriceType(type) {
  view.priceType = type;
  held.history = null;
  draw("view");
  ask("history");
}

function countAges() {
  const now = performance.now();
  for (const shown of document.querySelectorAll("[data-age]")) {
    shown.textContent = age(Number(shown.dataset.age) + (now - Number(shown.dataset.fetched)) / 1000);
  }
}

document.getElementById("search").addEventListener("input", (event) => {
  view.search = event.target.value;
  draw("view");
});
for (const button of document.querySelectorAll("[data-sort]")) {
  button.addEventListener("click", () => {
    view.descending = view.sort === button.dataset.sort ? !view.descending : false;
    view.sort = button.dataset.sort;
    for (const other of document.querySelectorAll("[data-sort]")) {
      const way = view.descending ? "descending" : "ascending";
      other.closest("th").setAttribute("aria-sort", other === button ? way : "none");
    }
    draw("view");
  });
}
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) Object.keys(PATHS).forEach(ask);
});
Object.keys(PATHS).forEach(ask);
setInterval(countAges, 1000);
