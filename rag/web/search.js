// Search without an answer: the passages nearest to some words.

import * as api from "./api.js";
import { cite, summary, trouble } from "./cited.js";
import { h, icon, tell } from "./dom.js";
import { filterBox, filters } from "./filters.js";
import { addressOf, place } from "./text.js";
import { language, t } from "./words.js";

let words = "";
let found = null; // hits of the last search

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
    const press = (event) => summarise(event.currentTarget, told);
    results.replaceChildren(
      h("div", { class: "row between" }, h("p", { class: "count" }, t("hits", { n: found.length })),
        h("button", { type: "button", class: "plain", onclick: press }, t("summariseFound"))),
      told, h("ol", { class: "hits" }, found.map(hit)));
  }
}

function hit(one) {
  return h("li", {}, h("a", { class: "source", href: addressOf(one), onclick: () => cite([]) },
    h("span", { class: "where" }, h("strong", {}, one.title || t("untitled")), place(one)),
    h("span", { class: "quote", lang: one.language || null }, one.text.replace(/\n+/g, "\n"))));
}

async function summarise(button, told) {
  button.disabled = true;
  told.replaceChildren(h("p", { class: "busy" }, h("span", { class: "pulse" }), t("summarising")));
  try {
    const result = await api.summarise({ query: words, k: 20, ...filters(), language: language() });
    told.replaceChildren(summary(result));
    tell(result.text);
  } catch (error) {
    told.replaceChildren(trouble(error));
  }
  button.disabled = false;
}
