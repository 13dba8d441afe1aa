// The pile itself: list, narrow down, add by drag and drop, by file or as text, delete.

import * as api from "./api.js";
import { trouble } from "./cited.js";
import { confirmed, h, icon, tell } from "./dom.js";
import { filterBox, filters, knownSources } from "./filters.js";
import { number, place } from "./text.js";
import { t } from "./words.js";

const PAGE = 50;
const MOST = 10_000; // more the service does not list at once; narrowing down reaches the rest
const KINDS = ".txt,.md,.markdown,.html,.htm,.pdf,.docx";
let text = "";
let limit = PAGE;
let log = []; // what became of the files added last
let redraw = () => {};

/** The page of all articles. */
export function articlesPage() {
  const list = h("div", { class: "results" });
  const files = h("input", { type: "file", multiple: true, accept: KINDS, class: "unseen", tabindex: "-1", "aria-hidden": "true", id: "files", onchange: chosen });
  const narrow = h("input", { type: "search", value: text, placeholder: t("narrow"), "aria-label": t("narrow"), oninput: later });
  const page = h("div", { class: "page" },
    h("div", { class: "row between" }, h("h1", {}, t("articles")),
      h("div", { class: "row" }, files,
        h("button", { type: "button", class: "plain", onclick: () => files.click() }, icon("plus"), t("addFiles")),
        h("button", { type: "button", class: "plain", onclick: writing }, t("addText")))),
    h("div", { class: "finder" }, h("div", { class: "line" }, narrow), filterBox(fresh)), list);
  let timer;
  redraw = draw;
  draw();
  return page;

  function chosen() {
    addFiles([...files.files]);
    files.value = "";
  }

  function later() {
    clearTimeout(timer);
    text = narrow.value.trim();
    timer = setTimeout(fresh, 200);
  }

  function fresh() {
    limit = PAGE;
    draw();
  }

  async function draw() {
    try {
      const found = await api.articles({ ...filters(), ...(text ? { text } : {}), limit });
      knownSources(found.sources);
      list.replaceChildren(...[news(), ...drawn(found)].filter(Boolean));
    } catch (error) {
      // A collection is made by its first article.
      const empty = error.code === "collection_not_found";
      list.replaceChildren(...(empty ? [news(), ...drawn({ total: 0 })].filter(Boolean) : [trouble(error, draw)]));
    }
  }

  function drawn(found) {
    const narrowed = text || Object.keys(filters()).length;
    if (!found.total) {
      return narrowed ? [h("p", { class: "nothing" }, t("noneMatch"))]
        : [h("div", { class: "welcome small" }, h("h2", {}, t("none")), h("p", {}, t("noneNote")))];
    }
    const n = found.articles.length;
    const count = n < found.total ? t("countOf", { n: number(n), total: number(found.total) }) : t("count", { n });
    const more = () => {
      limit = Math.min(limit * 2, MOST);
      draw();
    };
    return [h("p", { class: "count" }, count), h("ul", { class: "pile" }, found.articles.map(row)),
      n < found.total && limit < MOST ? h("button", { type: "button", class: "plain", onclick: more }, t("more")) : null];
  }
}

function news() {
  if (!log.length) return null;
  return h("ul", { class: "news" }, log.map((one) => h("li", { class: one.kind }, one.text)));
}

function row(one) {
  const title = one.title || t("untitled");
  return h("li", {},
    h("a", { class: "source", href: `#/article/${encodeURIComponent(one.id)}` },
      h("strong", { lang: one.language || null }, title), h("span", { class: "where" }, place(one))),
    h("button", {
      type: "button", class: "quiet icon", "aria-label": t("removeNamed", { title }), title: t("remove"),
      onclick: () => remove(one.id, title),
    }, icon("trash")));
}

async function remove(id, title) {
  if (!(await confirmed(t("removeSure", { title }), t("remove"), t("keep")))) return;
  try {
    await api.remove(id);
    say("done", t("removed", { title }));
  } catch (error) {
    say("bad", t("problem", { message: error.message || t("unreached") }));
  }
  await redraw();
}

/** Add files one after the other and tell what became of each. */
export async function addFiles(files) {
  log = [];
  for (const file of files) {
    say("busy", t("adding", { name: file.name }));
    await redraw();
    const line = await outcome(() => api.upload(file), file.name);
    log.pop();
    say(line.kind, line.text);
    await redraw();
  }
}

function say(kind, line) {
  log = [...log, { kind, text: line }];
  tell(line);
}

async function outcome(add, name) {
  try {
    const report = await add();
    const [failure] = report.failed;
    if (failure) return { kind: "bad", text: t("refused", { name, why: `${failure.message} ${failure.hint}` }) };
    const kind = report.added.length ? "added" : report.revised.length ? "revised" : "unchanged";
    return { kind: "done", text: t(kind, { name }) };
  } catch (error) {
    return { kind: "bad", text: t("refused", { name, why: error.message ? `${error.message} ${error.hint}` : t("unreached") }) };
  }
}

/** A form for text that is not in a file. */
function writing() {
  const field = (name, properties, tag = "input") => h("label", {}, h("span", {}, t(name)), h(tag, { name, ...properties }));
  const form = h("form", { method: "dialog", class: "writing", onsubmit: send },
    h("h2", { id: "writing-title" }, t("addText")),
    field("title", { maxlength: "2000" }),
    field("text", { rows: "8", required: true }, "textarea"),
    h("div", { class: "pair" }, field("source", { maxlength: "2000" }), field("day", { type: "date" })),
    field("url", { type: "url", pattern: "https?://.*", maxlength: "2000" }),
    h("div", { class: "row end" },
      h("button", { type: "button", class: "plain", onclick: () => box.close() }, t("cancel")), h("button", { class: "go" }, t("add"))));
  const box = h("dialog", { class: "box wide", "aria-labelledby": "writing-title", onclose: () => box.remove() }, form);
  document.body.append(box);
  box.showModal();

  async function send(event) {
    event.preventDefault();
    const given = Object.fromEntries(new FormData(form));
    box.close();
    const article = { text: given.text, title: given.title, source: given.source, url: given.url };
    if (given.day) article.published = given.day;
    const line = await outcome(() => api.addText(article), given.title || t("text"));
    log = [];
    say(line.kind, line.text);
    await redraw();
  }
}
