// Which articles may be found: dates and source, the same for asking, searching and listing.

import { h, icon } from "./dom.js";
import { t } from "./words.js";

const chosen = { published_after: "", published_before: "", source: "" };
let sources = [];

/** Remember the sources that can be chosen. */
export function knownSources(names) {
  if (names.length) sources = [...new Set([...sources, ...names])].sort((a, b) => a.localeCompare(b));
}

/** Another collection: its own sources, and no filter. */
export function forget() {
  sources = [];
  for (const key of Object.keys(chosen)) chosen[key] = "";
}

/** The filters that are set, as the service wants them; the last day counts to its end. */
export function filters() {
  const set = Object.fromEntries(Object.entries(chosen).filter(([, value]) => value));
  if (set.published_before) set.published_before += "T23:59:59Z";
  return set;
}

/** A button that unfolds the fields; `changed` is called after every change. */
export function filterBox(changed = () => {}) {
  const count = () => Object.keys(filters()).length;
  const label = h("span");
  const name = () => (label.textContent = count() ? t("filtersOn", { n: count() }) : t("filters"));
  const set = (key) => (event) => {
    chosen[key] = event.target.value;
    name();
    changed();
  };
  const field = (key, type) => h("label", {}, h("span", {}, t(key === "published_after" ? "from" : "until")),
    h("input", { type, value: chosen[key], onchange: set(key) }));
  const choice = h("select", { onchange: set("source") },
    h("option", { value: "" }, t("anySource")),
    sources.map((one) => h("option", { value: one, selected: one === chosen.source }, one)));
  const fields = h("div", { class: "fields" },
    field("published_after", "date"), field("published_before", "date"),
    h("label", {}, h("span", {}, t("source")), choice),
    h("button", { type: "button", class: "plain", onclick: clear }, t("clear")));
  const box = h("details", { class: "filters", open: count() > 0 },
    h("summary", {}, icon("filter"), label), fields);

  function clear() {
    Object.keys(chosen).forEach((key) => (chosen[key] = ""));
    for (const input of fields.querySelectorAll("input, select")) input.value = "";
    name();
    changed();
  }
  name();
  return box;
}
