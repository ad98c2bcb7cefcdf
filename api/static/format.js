// Numbers, ages and moments as the pages show them.

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
const day = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hour12: false });

/** "2.490000" as "2.49"; small prices keep more digits, so that none reads as nought. */
export function price(text) {
  const value = Number(text);
  return value >= 0.1 || value <= -0.1 ? value.toFixed(2) : value.toFixed(4);
}

/** Seconds as "3 s", "4 min", "2.5 h". */
export function age(seconds) {
  if (seconds === null) return "never";
  if (seconds < 120) return `${Math.floor(seconds)} s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

/** A share as "+2.1 %"; what rounds to nought is "0.0 %". */
export function percent(share) {
  const text = (share * 100).toFixed(1);
  if (Number(text) === 0) return "0.0 %";
  return `${share > 0 ? "+" : "−"}${text.replace("-", "")} %`;
}

export const time = (moment) => clock.format(new Date(moment));
export const date = (moment) => day.format(new Date(moment));
export const words = (name) => name.replaceAll("_", " ").replace(/^on demand$/, "on-demand");

/** An element: tag, attributes (`class`, `text`, others by name), children. */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") made.textContent = value;
    else if (value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}
