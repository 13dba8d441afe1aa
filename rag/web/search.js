// Search without an answer: the passages nearest to some words.

import * as api from "./api.js";
import { cite, trouble } from "./cited.js";
import { h, icon, tell } from "./dom.js";
import { filterBox, filters } from "./filters.js";
import { summariser } from "./summary.js";
import { addressOf, place } from "./text.js";
import { t } from "./words.js";

let words = "";
let found = null; // hits of the last search

/** Another collection: nothing was searched there yet. */
export function forgetFound() {
  words = "";
  found = null;
}

/** The page for searching. */
export function searchPage() {
  const field = h("input", { type: "search", id: "words", value: words, placeholder: t("searchHint"), "aria-label": t("search"), maxlength: "2000" });
  const results = h("div", { class: "results" });
  const form = h("form", { class: "finder", role: "search", onsubmit: submit },
    h("div", { class: "line" }, field, h("button", { class: "go icon", "aria-label": t("search") }, icon("find"))),
    filterBox(() => words && run()));
  draw();
  return h("div", { class: "page" }, h("h1", {}, t("searchWelcome")), form, results);

  function submit(event) {
    event.preventDefault();
    words = field.value.trim();
    if (words) run();
    else field.focus();
  }

  async function run() {
    results.replaceChildren(h("p", { class: "busy" }, h("span", { class: "pulse" }), t("waiting")));
    try {
      found = await api.search({ question: words, k: 20, ...filters() });
      draw();
      tell(found.length ? t("hits", { n: found.length }) : t("noHits"));
    } catch (error) {
      results.replaceChildren(trouble(error, run));
    }
  }

  function draw() {
    if (!found) return results.replaceChildren();
    if (!found.length) return results.replaceChildren(h("p", { class: "nothing" }, t("noHits")));
    const told = h("div", { class: "told-summary" });
    const wanted = () => ({ query: words, k: 20, ...filters() });
    results.replaceChildren(
      h("div", { class: "row between" }, h("p", { class: "count" }, t("hits", { n: found.length })),
        summariser(t("summariseFound"), wanted, told)),
      told, h("ol", { class: "hits" }, found.map(hit)));
  }
}

function hit(one) {
  return h("li", {}, h("a", { class: "source", href: addressOf(one), onclick: () => cite([]) },
    h("span", { class: "where" }, h("strong", {}, one.title || t("untitled")), place(one)),
    h("span", { class: "quote", lang: one.language || null }, one.text.replace(/\n+/g, "\n"))));
}
