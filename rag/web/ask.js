// A conversation: questions, the sentences that were found, statements as they arrive, one of three ends.

import * as api from "./api.js";
import { cite, copyButton, disagreements, Numbers, sources, statement, trouble } from "./cited.js";
import { h, icon, tell } from "./dom.js";
import { filterBox, filters } from "./filters.js";
import { addressOf, number, place } from "./text.js";
import { t } from "./words.js";

let turns = []; // {question, body, history, events, answer, error}, oldest first
let running = null; // the AbortController of the question on its way

/** The page for asking. */
export function askPage() {
  const talk = h("div", { class: "talk" });
  const field = h("textarea", {
    id: "question", rows: "1", placeholder: t(turns.length ? "followUp" : "questionHint"), maxlength: "2000",
    "aria-label": t("question"), onkeydown: onKey, oninput: grow, enterkeyhint: "send",
  });
  const button = h("button", { class: "go icon", onclick: press });
  const form = h("form", { class: "composer", onsubmit: (event) => event.preventDefault() },
    h("div", { class: "line" }, field, button),
    h("div", { class: "row" }, filterBox(),
      h("button", { type: "button", class: "quiet fresh", onclick: fresh }, icon("plus"), t("fresh"))));
  const size = h("p", { class: "pile-size" });
  const page = h("div", { class: "page asking" }, talk, form, size);
  if (turns.length) talk.append(h("h1", { class: "unseen" }, t("ask")), ...turns.map((turn) => drawn(turn, ask)));
  arrange();
  count(size);
  return page;

  function arrange() {
    page.classList.toggle("empty", turns.length === 0);
    if (!turns.length) {
      talk.replaceChildren(h("div", { class: "welcome" }, h("h1", {}, t("welcome")), h("p", {}, t("promise"))));
    }
    field.placeholder = t(turns.length ? "followUp" : "questionHint");
    button.replaceChildren(icon(running ? "stop" : "send"));
    button.setAttribute("aria-label", t(running ? "stop" : "send"));
    button.classList.toggle("running", Boolean(running));
  }

  function grow() {
    field.style.height = "auto";
    field.style.height = `${Math.min(field.scrollHeight, 200)}px`;
  }

  function onKey(event) {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      if (!running) submit();
    }
  }

  function press() {
    if (running) running.abort();
    else submit();
  }

  function submit() {
    const question = field.value.trim();
    if (!question) return field.focus();
    field.value = "";
    grow();
    ask(question);
  }

  function fresh() {
    if (running) running.abort();
    turns = [];
    arrange();
    field.focus();
  }

  async function ask(question) {
    if (!turns.length) talk.replaceChildren(h("h1", { class: "unseen" }, t("ask")));
    const turn = { question, evidence: null, statements: [], answer: null, error: null, began: performance.now() };
    const history = turns.filter((one) => one.answer).flatMap((one) => [
      { role: "user", content: one.question }, { role: "assistant", content: one.answer.text }]);
    turns.push(turn);
    running = new AbortController();
    let shown = drawn(turn, ask);
    talk.append(shown);
    arrange();
    shown.scrollIntoView({ block: "start" });
    tell(t("searching"));
    const redraw = () => {
      const next = drawn(turn, ask);
      shown.replaceWith(next);
      shown = next;
    };
    try {
      const body = { question, ...filters(), ...(history.length ? { history: history.slice(-20) } : {}) };
      for await (const { name, data } of api.ask(body, running.signal)) {
        if (name === "evidence") turn.evidence = data.hits;
        if (name === "statement") turn.statements.push(data);
        if (name === "answer") turn.answer = data;
        redraw();
        announce(turn, name, data);
      }
    } catch (error) {
      turn.error = error;
      redraw();
    } finally {
      turn.took = performance.now() - turn.began;
      running = null;
      arrange();
    }
  }
}

/** Another collection: a conversation of its own. */
export function leave() {
  if (running) running.abort();
  turns = [];
}

/** How many articles there are to ask; where there are none, the way to add some. */
async function count(place) {
  try {
    const { total } = await api.articles({ limit: 0 });
    place.append(h("a", { href: "#/articles" }, total ? t("size", { n: total === 1 ? 1 : number(total) }) : t("none")));
  } catch {
    place.remove(); // asking will say what is wrong
  }
}

function announce(turn, name, data) {
  if (name === "evidence") tell(t("reading", { n: data.hits.length }));
  if (name === "statement") tell(data.text);
  if (name === "answer") tell(`${t(data.status)}. ${data.text}`);
}

function drawn(turn, ask) {
  const parts = [h("h2", { class: "asked" }, h("span", { class: "unseen" }, `${t("you")}: `), turn.question)];
  const understood = turn.answer && turn.answer.question.trim() !== turn.question;
  if (understood) parts.push(h("p", { class: "understood" }, t("understood", { question: turn.answer.question })));
  if (turn.error) parts.push(trouble(turn.error, () => ask(turn.question)));
  else if (turn.answer) parts.push(finished(turn));
  else parts.push(underway(turn));
  if (turn.evidence && turn.evidence.length) parts.push(evidence(turn));
  return h("article", { class: "turn" }, parts);
}

function underway(turn) {
  const numbers = new Numbers();
  const n = turn.evidence ? turn.evidence.length : 0;
  return h("section", { class: "card underway", "aria-busy": "true" },
    h("header", {}, h("span", { class: "pulse" }), h("p", {}, n ? t("reading", { n }) : t("searching"))),
    turn.statements.length
      ? h("ul", { class: "statements" }, turn.statements.map((one) => statement(one, numbers, () => turn.statements.flatMap((s) => s.citations))))
      : null);
}

function finished(turn) {
  const answer = turn.answer;
  const numbers = new Numbers();
  const list = answer.statements.map((one) => statement(one, numbers, () => answer.citations));
  const missing = answer.status === "partial" && answer.missing ? h("p", { class: "missing" }, answer.missing) : null;
  return h("section", { class: `card ${answer.status}` },
    h("header", {}, h("span", { class: "badge" }, icon(answer.status)),
      h("h3", {}, t(answer.status)), h("small", {}, t(`${answer.status}Note`))),
    list.length ? h("ul", { class: list.length > 1 ? "statements many" : "statements", lang: answer.language }, list) : null,
    missing,
    disagreements(answer, numbers),
    answer.citations.length ? sources(answer.citations) : null,
    answer.citations.length ? h("footer", { class: "row" }, copyButton(answer)) : null);
}

/** The sentences that were read: open while there is nothing else to see. */
function evidence(turn) {
  const item = (hit) => h("li", {}, h("a", { class: "source", href: addressOf(hit), onclick: () => cite([]) },
    h("span", { class: "quote" }, hit.text),
    h("span", { class: "where" }, h("strong", {}, hit.title || t("untitled")), place(hit))));
  return h("details", { class: "evidence", open: !turn.answer && !turn.error },
    h("summary", {}, t("found", { n: turn.evidence.length })),
    h("ul", {}, turn.evidence.map(item)));
}
