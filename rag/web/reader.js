// One article beside the page, with the cited sentence marked character by character.

import * as api from "./api.js";
import { linkButton, trouble } from "./cited.js";
import { h, icon, tell } from "./dom.js";
import { summariser } from "./summary.js";
import { addressOf, day, isWeb, pieces } from "./text.js";
import { t } from "./words.js";

const side = document.getElementById("reader");
let opener = null; // what had the focus before
let latest = 0; // only the article asked for last is shown

/** Show an article; `span` = {start, end} is marked, with the other citations `cited` of the same answer. */
export async function openReader(id, revision, span, cited = []) {
  if (side.hidden) opener = document.activeElement;
  const ticket = ++latest;
  let content;
  let title = t("reader");
  try {
    const article = await api.article(id, revision);
    title = article.title || t("untitled");
    const current = revision ? await isCurrent(article) : true;
    content = drawn(article, span, cited, current);
  } catch (error) {
    content = [h("header", { class: "head" }, closeButton()), trouble(error)];
  }
  if (ticket !== latest) return;
  side.hidden = false;
  document.body.classList.add("reading");
  cover();
  side.replaceChildren(...content);
  tell(title);
  const heading = side.querySelector("h2");
  if (heading) heading.focus({ preventScroll: true });
  const here = side.querySelector("mark.here");
  if (here) here.scrollIntoView({ block: "center" });
  else side.scrollTop = 0;
}

/** Put the reader away and go back to where the reader was called from. */
export function closeReader() {
  if (side.hidden) return;
  latest++;
  side.hidden = true;
  document.body.classList.remove("reading");
  cover();
  if (opener && opener.isConnected) opener.focus();
}

/** On a phone the reader covers the page, so nothing behind it may be reached. */
export function cover() {
  const covered = !side.hidden && matchMedia("(max-width: 899px)").matches;
  document.getElementById("main").inert = covered;
  document.querySelector(".top").inert = covered;
}

async function isCurrent(article) {
  const now = await api.article(article.id);
  return now.revision === article.revision;
}

function closeButton() {
  return h("button", { type: "button", class: "quiet icon close", "aria-label": t("close"), title: t("close"), onclick: leave },
    icon("close"));
}

function leave() {
  location.hash = `#/${document.getElementById("main").dataset.view}`;
}

function drawn(article, span, cited, current) {
  const known = cited.filter((one) => one.article_id === article.id && one.revision === article.revision);
  const facts = [article.source, day(article.published), article.language ? article.language.toUpperCase() : ""];
  const told = h("div", { class: "told-summary" });
  return [
    h("header", { class: "head" }, stepper(span, cited, article), closeButton()),
    h("h2", { tabindex: "-1", lang: article.language || null }, article.title || t("untitled")),
    h("p", { class: "facts" }, facts.filter(Boolean).join(" · "), original(article)),
    current ? null : h("p", { class: "note" }, t("older")),
    summariser(t("summarise"), () => ({ article_ids: [article.id] }), told),
    told,
    h("div", { class: "text", lang: article.language || null }, body(article, span, known)),
  ].filter(Boolean);
}

function original(article) {
  if (!isWeb(article.url)) return null;
  return h("a", { href: article.url, target: "_blank", rel: "noopener noreferrer" }, t("original"), icon("out"));
}

/** The text in marks and headings; joined again it is the article's text, letter by letter. */
function body(article, span, known) {
  const headings = (article.sentences || []).filter((one) => one.heading);
  const spans = [
    ...headings.map((one) => ({ start: one.start, end: one.end, kind: "heading" })),
    ...known.map((one) => ({ start: one.start, end: one.end, kind: "cited" })),
    ...(span ? [{ ...span, kind: "here" }] : []),
  ];
  return pieces(article.text, spans).map((piece) => {
    const kinds = new Set(piece.spans.map((one) => one.kind));
    const inner = kinds.has("heading") ? h("strong", { class: "heading" }, piece.text) : piece.text;
    if (kinds.has("here")) return h("mark", { class: "here" }, inner);
    return kinds.has("cited") ? h("mark", {}, inner) : inner;
  });
}

/** To the citations before and after this one, and a link to it. */
function stepper(span, cited, article) {
  if (!span) return h("span");
  const at = cited.findIndex((one) => one.article_id === article.id && one.start === span.start && one.end === span.end);
  const step = (by, name) => {
    const target = cited[at + by];
    return h("button", {
      type: "button", class: "quiet icon", "aria-label": t(name), title: t(name), disabled: !target,
      onclick: () => (location.hash = addressOf(target)),
    }, icon(name));
  };
  const citation = { article_id: article.id, revision: article.revision, ...span };
  const steps = at >= 0 && cited.length > 1
    ? [step(-1, "before"), h("span", { class: "count" }, t("ofCitations", { n: at + 1, total: cited.length })), step(1, "after")]
    : [];
  return h("div", { class: "row steps" }, steps, linkButton(citation));
}
