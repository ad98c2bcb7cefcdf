// A price series as a small inline SVG.

import { percent, price } from "./format.js";

const NS = "http://www.w3.org/2000/svg";
const WIDTH = 150;
const HEIGHT = 30;
const PAD = 3;

/** The change from a series' first price to its last, and the hours between them; null for fewer than two points. */
export function change(series) {
  const prices = series?.min_usd_per_gpu_hour ?? [];
  if (prices.length < 2 || Number(prices[0]) <= 0) return null;
  const hours = (series.window_start_ms.at(-1) - series.window_start_ms[0]) / 3_600_000;
  return { share: Number(prices.at(-1)) / Number(prices[0]) - 1, hours };
}

/** The series from `fromMs` to `toMs`; windows that are missing leave a gap. */
export function sparkline(series, fromMs, toMs, windowMs) {
  const prices = series.min_usd_per_gpu_hour.map(Number);
  const low = Math.min(...prices);
  const high = Math.max(...prices);
  // A flat price is drawn flat: a range of less than 2 % is not blown up.
  const span = Math.max(high - low, high * 0.02) || 1;
  const middle = (high + low) / 2;
  const x = (ms) => PAD + ((ms - fromMs) / (toMs - fromMs)) * (WIDTH - 2 * PAD);
  const y = (value) => HEIGHT / 2 - ((value - middle) / span) * (HEIGHT - 2 * PAD);
  const points = series.window_start_ms
    .map((ms, index) => [ms, x(ms + windowMs), y(prices[index])])
    .filter(([, left]) => left >= PAD);
  const runs = [];
  points.forEach((point, index) => {
    if (index === 0 || point[0] - points[index - 1][0] > windowMs * 3) runs.push([]);
    runs.at(-1).push(point);
  });
  const path = (run) => run.map(([, left, top], index) => `${index ? "L" : "M"}${left.toFixed(1)} ${top.toFixed(1)}`).join("");

  const told = change(series);
  const svg = node("svg", { class: "spark", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", preserveAspectRatio: "none" });
  const label = `Low ${price(low)}, high ${price(high)} USD${told ? `, ${percent(told.share)} over ${Math.round(told.hours)} h` : ""}`;
  svg.setAttribute("aria-label", label);
  svg.append(node("title", {}, label));
  for (const run of runs) {
    if (run.length > 1) {
      svg.append(node("path", { class: "area", d: `${path(run)}L${run.at(-1)[1].toFixed(1)} ${HEIGHT}L${run[0][1].toFixed(1)} ${HEIGHT}Z` }));
      svg.append(node("path", { class: "line", d: path(run) }));
    }
  }
  if (points.length) svg.append(node("circle", { class: "dot", cx: points.at(-1)[1].toFixed(1), cy: points.at(-1)[2].toFixed(1), r: 2.4 }));
  return svg;
}

function node(tag, attributes, text) {
  const made = document.createElementNS(NS, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text) made.textContent = text;
  return made;
}
