// Statements with their marks, and the list of sources under them: the same for answers and summaries.

import { copy, h, icon } from "./dom.js";
import { addressOf, part, place, shareable, withSources } from "./text.js";
import { t } from "./words.js";

let current = []; // the citations among which the reader steps

/** The citations of the answer that was last read from. */
export const citedNow = () => current;

/** Step among these from now on. */
export function cite(citations) {
  current = citations;
}

const keyOf = (one) => `${one.article_id} ${one.revision} ${one.start} ${one.end}`;

/** Gives citations their numbers in the order in which they first appear, as the finished answer will. */
export class Numbers {
  #known = new Map();

  of(citation) {
    const key = keyOf(citation);
    if (!this.#known.has(key)) this.#known.set(key, citation.number || this.#known.size + 1);
    return this.#known.get(key);
  }
}

function mark(citation, number, all) {
  const title = citation.title || t("untitled");
  return h("a", {
    class: "mark", href: addressOf(citation), "aria-label": t("mark", { n: number, title }), title,
    onclick: () => cite(all()),
  }, String(number));
}

/** One statement: its text, then a mark for each sentence that proves it. */
export function statement(one, numbers, all) {
  const marks = one.citations.map((citation) => mark(citation, numbers.of(citation), all));
  const told = one.verdict === "disputed" ? h("q", {}, one.text) : one.text; // one source's words, no fact
  return h("li", { class: "statement" }, told, h("span", { class: "marks" }, marks));
}

/** The numbered sources with their quotes; each opens its article. */
export function sources(citations) {
  const item = (one) => h("li", {},
    h("span", { class: "number", "aria-hidden": "true" }, String(one.number)),
    h("a", { class: "source", href: addressOf(one), onclick: () => cite(citations) },
      h("q", {}, one.quote),
      h("span", { class: "where" }, h("strong", {}, one.title || t("untitled")), place(one))),
    linkButton(one));
  return h("section", { class: "sources" }, h("h3", {}, t("sources")), h("ol", { role: "list" }, citations.map(item)));
}

/** What sources of an answer or a summary say differently, side by side. */
export function disagreements(result, numbers) {
  const found = result.disagreements || result.disputes.map(dispute);
  if (!found.length) return null;
  const side = (one) => h("li", {}, h("q", {}, one.value),
    h("span", { class: "marks" }, one.citations.map((citation) => mark(citation, numbers.of(citation), () => result.citations))),
    h("span", { class: "where" }, one.citations[0] ? place(one.citations[0]) : ""));
  return h("section", { class: "disagree" }, h("h3", {}, t("disagree")), found.map((one) =>
    h("div", {}, h("p", {}, one.about), h("ul", { class: "sides" }, one.sides.map(side)))));
}

function dispute({ about, statements }) {
  const sides = statements.map((one) => ({ value: one.text, citations: one.citations }));
  return { about: about === "day" ? t("onDay") : about, sides };
}

/** A button that copies the address of a citation. */
export function linkButton(citation) {
  const press = (event) => copy(shareable(citation), event.currentTarget, t("linkCopied"));
  return h("button", { type: "button", class: "quiet icon", "aria-label": t("copyLink"), title: t("copyLink"), onclick: press },
    icon("link"));
}

/** A button that copies an answer or summary with its sources. */
export function copyButton(result) {
  const press = (event) => copy(withSources(result), event.currentTarget, t("copied"));
  return h("button", { type: "button", class: "quiet", onclick: press }, icon("copy"), t("copyAnswer"));
}

/** A summary, whole. */
export function summary(result) {
  const numbers = new Numbers();
  const share = `${Math.round(result.covered * 100)} %`;
  const all = () => result.citations;
  const lang = result.language || null;
  const lines = (told) => h("ul", { class: "statements", lang }, told.map((one) => statement(one, numbers, all)));
  const list = result.form === "timeline"
    ? h("ol", { class: "timeline", role: "list", lang }, result.timeline.map((one) => dated(one, numbers, all)))
    : lines(result.statements);
  return h("section", { class: "card answered" },
    h("header", {}, h("h3", {}, t("summary")), h("small", {}, t("covered", { share }))),
    result.headline && result.article_ids.length > 1 ? h("p", { class: "headline", lang }, result.headline.text) : null,
    result.statements.length ? list : null,
    result.missing ? h("p", { class: "missing", lang }, result.missing) : null,
    disagreements(result, numbers),
    result.unsettled.length ? h("section", { class: "open" }, h("h3", {}, t("unsettled")), lines(result.unsettled)) : null,
    result.citations.length ? sources(result.citations) : null,
    h("footer", { class: "row" }, copyButton(result)));
}

/** An event under its date; where that was counted or could not be, in the article's words too. */
function dated(one, numbers, all) {
  const counted = one.resolved || !one.date ? h("q", {}, one.words) : null;
  return h("li", {}, h("p", { class: "when" }, h("strong", {}, part(one.date)), counted),
    h("ul", { class: "statements" }, statement(one.statement, numbers, all)));
}

/** What went wrong, with what to do about it. */
export function trouble(error, again) {
  const stopped = error.name === "AbortError";
  const message = stopped ? t("stopped") : error.code === "unreached" || !error.message ? t("unreached") : error.message;
  return h("section", { class: "card failed", role: stopped ? null : "alert" },
    h("header", {}, h("span", { class: "badge" }, icon("failed")), h("h3", {}, t("failed"))),
    h("p", {}, message), error.hint ? h("p", {}, error.hint) : null,
    again ? h("footer", { class: "row" }, h("button", { type: "button", class: "plain", onclick: again }, t("again"))) : null);
}
