// openapi.json as a page.

import { element } from "./format.js";

const REF = "#/components/schemas/";

/** A schema in words; a named type is a link to it. */
function typeOf(schema) {
  if (!schema) return "";
  if (schema.$ref) {
    const name = schema.$ref.replace(REF, "");
    return element("a", { href: `#${name}`, text: name });
  }
  if (schema.anyOf) {
    const parts = element("span");
    schema.anyOf.forEach((one, index) => parts.append(index ? " or " : "", typeOf(one)));
    return parts;
  }
  if (schema.enum) return schema.enum.join(", ");
  if (schema.type === "array") return element("span", {}, "list of ", typeOf(schema.items));
  const limits = [];
  if (schema.minimum !== undefined) limits.push(`from ${schema.minimum}`);
  if (schema.maximum !== undefined) limits.push(`to ${schema.maximum}`);
  const format = schema.format ? ` (${schema.format})` : "";
  return [`${schema.type ?? ""}${format}`, ...limits].join(" ");
}

/** Text with `code` in it. */
function prose(tag, text) {
  const parts = text.split("`").map((part, index) => (index % 2 ? element("code", { text: part }) : part));
  return element(tag, {}, ...parts);
}

function table(head, rows) {
  return element(
    "table",
    { role: "table" },
    element("thead", { role: "rowgroup" }, element("tr", { role: "row" }, ...head.map((text) => element("th", { role: "columnheader", scope: "col", text })))),
    element(
      "tbody",
      { role: "rowgroup" },
      ...rows.map((row) => element("tr", { role: "row" }, ...row.map((content) => element("td", { role: "cell" }, content)))),
    ),
  );
}

function operation(path, method, told) {
  const open = method === "get" ? element("a", { href: path, text: "open" }) : "";
  const box = element(
    "div",
    { class: "operation", id: told.operationId },
    element("h3", {}, element("span", { class: "method", text: method.toUpperCase() }), element("code", { text: path }), element("span", { text: told.summary }), open),
  );
  if (told.description) box.append(prose("p", told.description));
  if (told.parameters?.length) {
    const rows = told.parameters.map((one) => {
      const preset = one.schema.default === undefined ? "" : ` Default: ${one.schema.default}.`;
      return [element("code", { text: one.name }), typeOf(one.schema), prose("span", `${one.description}${preset}`)];
    });
    box.append(table(["Parameter", "Type", "Meaning"], rows));
  }
  const body = told.requestBody?.content?.["application/json"];
  if (body) box.append(example("Body", body));
  for (const [status, answer] of Object.entries(told.responses)) {
    const content = answer.content?.["application/json"];
    if (content) box.append(example(`${status}: ${answer.description}`, content));
  }
  return box;
}

function example(title, content) {
  const details = element("details", {}, element("summary", {}, prose("span", `${title} `), typeOf(content.schema)));
  if (content.example) details.append(element("pre", { tabindex: "0", text: JSON.stringify(content.example, null, 2) }));
  return details;
}

function type(name, schema) {
  const rows = Object.entries(schema.properties ?? {}).map(([field, one]) => [element("code", { text: field }), typeOf(one), prose("span", one.description ?? "")]);
  return element("div", { class: "type", id: name }, element("h3", { text: name }), element("p", { class: "sub", text: schema.description ?? "" }), table(["Field", "Type", "Meaning"], rows));
}

function draw(told) {
  document.getElementById("title").textContent = `${told.info.title} ${told.info.version}`;
  document.getElementById("about").replaceChildren(prose("span", `${told.info.summary} ${told.info.description}`));
  const operations = document.getElementById("operations");
  for (const tag of told.tags) {
    const panel = element("section", { class: "panel" });
    for (const [path, methods] of Object.entries(told.paths)) {
      for (const [method, one] of Object.entries(methods)) if (one.tags.includes(tag.name)) panel.append(operation(path, method, one));
    }
    operations.append(element("h2", { class: "group", text: tag.name }), element("p", { class: "sub", text: tag.description }), panel);
  }
  const types = document.getElementById("types");
  types.append(...Object.entries(told.components.schemas).map(([name, schema]) => type(name, schema)));
  types.hidden = false;
}

try {
  const response = await fetch("/openapi.json", { cache: "no-store" });
  if (!response.ok) throw new Error(`status ${response.status}`);
  draw(await response.json());
} catch (error) {
  document.getElementById("about").textContent = `openapi.json could not be read: ${error.message}. Reload to try again.`;
}
