// Shows /openapi.json. Text only ever goes in as text, so nothing in the document can become markup.
"use strict";

const METHODS = ["get", "post", "put", "patch", "delete"];

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

function resolve(document_, schema) {
  if (!schema || !schema.$ref) return schema ?? {};
  return schema.$ref.slice(2).split("/").reduce((part, key) => part?.[key.replaceAll("~1", "/").replaceAll("~0", "~")], document_) ?? {};
}

// A schema as the JSON it describes, written with the names of the types.
function sketch(document_, schema, depth = 0, seen = []) {
  const name = schema?.$ref;
  const found = resolve(document_, schema);
  if (depth > 6 || (name && seen.includes(name))) return "…";
  const inner = (part) => sketch(document_, part, depth + 1, name ? [...seen, name] : seen);
  if (found.const !== undefined) return JSON.stringify(found.const);
  if (found.enum) return found.enum.map((value) => JSON.stringify(value)).join(" | ");
  const choices = found.oneOf ?? found.anyOf;
  if (choices) return [...new Set(choices.map(inner))].join(" | ");
  if (found.allOf) return found.allOf.map(inner).join(" & ");
  if (found.type === "array") return `[${inner(found.items ?? {})}, …]`;
  if (found.properties) {
    const required = new Set(found.required ?? []);
    const pad = "  ".repeat(depth + 1);
    const lines = Object.entries(found.properties).map(([key, part]) => `${pad}${JSON.stringify(key)}${required.has(key) ? "" : "?"}: ${inner(part)}`);
    return `{\n${lines.join(",\n")}\n${"  ".repeat(depth)}}`;
  }
  const type = Array.isArray(found.type) ? found.type.join(" | ") : (found.type ?? "any");
  return found.format ? `${type} (${found.format})` : type;
}

function content(document_, holder) {
  return Object.entries(holder?.content ?? {}).map(([type, media]) =>
    make("div", {}, make("span", { class: "quiet" }, type), make("pre", { tabindex: "0" }, sketch(document_, media.schema))));
}

function parameters(document_, list) {
  if (!list?.length) return null;
  const rows = list.map((entry) => {
    const parameter = resolve(document_, entry);
    return make("tr", {},
      make("td", {}, make("code", {}, parameter.name), parameter.required ? " *" : ""),
      make("td", { class: "quiet" }, parameter.in),
      make("td", {}, sketch(document_, parameter.schema)),
      make("td", {}, parameter.description ?? ""));
  });
  const head = make("tr", {}, ...["Name", "In", "Type", "Meaning"].map((title) => make("th", { scope: "col" }, title)));
  return make("div", {}, make("h4", {}, "Parameters"),
    make("div", { class: "scroll" }, make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows))));
}

function responses(document_, byStatus) {
  const items = Object.entries(byStatus ?? {}).map(([status, entry]) => {
    const response = resolve(document_, entry);
    const details = make("details", {}, make("summary", {}, make("code", {}, status), ` ${response.description ?? ""}`), ...content(document_, response));
    details.open = status === "200";
    return details;
  });
  return items.length ? make("div", {}, make("h4", {}, "Answers"), ...items) : null;
}

function section(document_, path, method, operation, id) {
  const body = operation.requestBody && resolve(document_, operation.requestBody);
  return make("section", { id },
    make("h3", {}, make("span", { class: `method ${method}` }, method), " ", make("span", { class: "path" }, path)),
    make("p", {}, operation.summary ?? ""),
    operation.description ? make("p", { class: "quiet" }, operation.description) : null,
    parameters(document_, operation.parameters),
    body ? make("div", {}, make("h4", {}, "Body"), ...content(document_, body)) : null,
    responses(document_, operation.responses));
}

function draw(document_) {
  const groups = new Map();
  for (const [path, item] of Object.entries(document_.paths ?? {})) {
    for (const method of METHODS.filter((name) => item[name])) {
      const operation = item[method];
      const group = operation.tags?.[0] ?? "other";
      if (!groups.has(group)) groups.set(group, []);
      groups.get(group).push({ path, method, operation, id: `${method}-${path.replaceAll(/[^a-zA-Z0-9]+/g, "-")}` });
    }
  }
  const index = document.getElementById("index");
  const main = document.getElementById("operations");
  const pairs = [];
  main.replaceChildren();
  for (const [group, operations] of [...groups].sort()) {
    const list = make("ul", {});
    for (const { path, method, operation, id } of operations) {
      const link = make("li", {}, make("a", { href: `#${id}` }, make("span", { class: `method ${method}` }, method), make("span", { class: "path" }, path)));
      const part = section(document_, path, method, operation, id);
      list.append(link);
      main.append(part);
      pairs.push({ text: `${method} ${path} ${operation.summary ?? ""}`.toLowerCase(), link, part });
    }
    index.append(make("h2", {}, group), list);
  }
  document.getElementById("search").addEventListener("input", (event) => {
    const words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const { text, link, part } of pairs) link.hidden = part.hidden = !words.every((word) => text.includes(word));
  });
  main.setAttribute("aria-busy", "false");
  if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
}

fetch("/openapi.json")
  .then((answer) => (answer.ok ? answer.json() : Promise.reject(new Error(`the server answered ${answer.status}`))))
  .then(draw)
  .catch((error) => {
    document.getElementById("operations").replaceChildren(make("p", { role: "alert" }, `The reference could not be loaded: ${error.message}.`));
  });
