// The page: which view the address names, language, colours, keys, files dropped anywhere.

import * as api from "./api.js";
import { addFiles, articlesPage } from "./articles.js";
import { askPage, leave } from "./ask.js";
import { citedNow } from "./cited.js";
import { choose, collection } from "./collection.js";
import { h, icon } from "./dom.js";
import { forget, knownSources } from "./filters.js";
import { closeReader, cover, openReader } from "./reader.js";
import { forgetFound, searchPage } from "./search.js";
import { language, speak, t } from "./words.js";

const VIEWS = { ask: askPage, search: searchPage, articles: articlesPage };
const THEMES = ["auto", "light", "dark"];
const SIGNS = { auto: "auto", light: "sun", dark: "moon" };
const main = document.getElementById("main");
const drop = document.getElementById("drop");

function show(view) {
  if (main.dataset.view === view && main.childElementCount) return;
  main.dataset.view = view;
  main.replaceChildren(VIEWS[view]());
  scrollTo(0, 0);
  for (const tab of document.querySelectorAll(".tabs a")) {
    if (tab.dataset.view === view) tab.setAttribute("aria-current", "page");
    else tab.removeAttribute("aria-current");
  }
  if (view === "ask" && matchMedia("(hover: hover)").matches) main.querySelector("textarea").focus();
}

function route() {
  const [path, query] = location.hash.slice(2).split("?");
  const [name, id] = path.split("/");
  if (name === "article" && id) {
    const wanted = new URLSearchParams(query);
    if (wanted.has("collection")) enter(wanted.get("collection"));
    if (!main.dataset.view) show("ask");
    const [start, end] = [Number(wanted.get("start")), Number(wanted.get("end"))];
    openReader(decodeURIComponent(id), wanted.get("revision"), end > start ? { start, end } : null, citedNow());
    return;
  }
  closeReader();
  show(VIEWS[name] ? name : "ask");
}

function translate() {
  document.documentElement.lang = language();
  for (const element of document.querySelectorAll("[data-t]")) element.textContent = t(element.dataset.t);
  for (const element of document.querySelectorAll("[data-label]")) element.setAttribute("aria-label", t(element.dataset.label));
  const button = document.getElementById("language");
  button.textContent = t("other");
  button.title = t("otherLanguage");
  button.setAttribute("aria-label", `${t("other")}: ${t("otherLanguage")}`);
  button.lang = language() === "de" ? "en" : "de";
  colours(localStorage.getItem("theme") || "auto");
}

function colours(theme) {
  document.documentElement.dataset.theme = theme;
  const button = document.getElementById("theme");
  button.replaceChildren(icon(SIGNS[theme]));
  button.title = t("theme", { now: t(theme) });
  button.setAttribute("aria-label", button.title);
}

function again() {
  const view = main.dataset.view;
  main.replaceChildren();
  translate();
  show(view);
}

/** Go to another collection, and leave behind what belongs to this one. */
function enter(name) {
  const place = document.getElementById("collection");
  if (name === (collection() || place.dataset.home)) return;
  choose(name === place.dataset.home ? "" : name);
  place.value = name;
  leave();
  forget();
  forgetFound();
  if (main.dataset.view) again();
  sources();
}

async function sources() {
  try {
    knownSources((await api.articles({ limit: 0 })).sources);
  } catch {
    // The view says itself what is wrong once it needs the service.
  }
}

/** The collections that can be chosen, where there are several. */
async function choices() {
  const place = document.getElementById("collection");
  try {
    const { collections, home } = await api.collections();
    place.dataset.home = home;
    place.replaceChildren(...collections.map((name) => h("option", { value: name }, name)));
    place.hidden = collections.length < 2;
    if (!collections.includes(collection())) choose("");
    place.value = collection() || home;
  } catch {
    choose("");
  }
}

document.getElementById("collection").addEventListener("change", (event) => {
  enter(event.target.value);
  if (document.body.classList.contains("reading")) location.hash = `#/${main.dataset.view}`;
});
document.getElementById("language").addEventListener("click", () => {
  speak(language() === "de" ? "en" : "de");
  again();
  if (document.body.classList.contains("reading")) route();
});
document.getElementById("theme").addEventListener("click", () => {
  const next = THEMES[(THEMES.indexOf(localStorage.getItem("theme") || "auto") + 1) % THEMES.length];
  localStorage.setItem("theme", next);
  colours(next);
});

api.onKeyWanted((wrong) => new Promise((resolve) => {
  const field = h("input", { type: "password", required: true, autocomplete: "off", autofocus: true });
  const box = h("dialog", { class: "box", "aria-labelledby": "key-title" },
    h("form", { method: "dialog" }, h("h2", { id: "key-title" }, t("key")), h("p", {}, t(wrong ? "keyWrong" : "keyWhy")),
      h("label", {}, h("span", {}, t("key")), field), h("div", { class: "row end" }, h("button", { class: "go" }, t("keySend")))));
  box.addEventListener("close", () => {
    resolve(field.value.trim());
    box.remove();
  });
  document.body.append(box);
  box.showModal();
}));

addEventListener("hashchange", route);
matchMedia("(max-width: 899px)").addEventListener("change", cover);
addEventListener("keydown", (event) => {
  if (document.querySelector("dialog[open]")) return;
  if (event.key === "Escape" && document.body.classList.contains("reading")) location.hash = `#/${main.dataset.view}`;
  const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
  const field = main.querySelector("textarea, input[type=search]");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && field) {
    event.preventDefault();
    field.focus();
  }
});

const carriesFiles = (event) => event.dataTransfer && [...event.dataTransfer.types].includes("Files");
addEventListener("dragover", (event) => {
  if (!carriesFiles(event)) return;
  event.preventDefault();
  drop.hidden = false;
});
addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) drop.hidden = true;
});
addEventListener("drop", (event) => {
  if (!carriesFiles(event)) return;
  event.preventDefault();
  drop.hidden = true;
  location.hash = "#/articles";
  show("articles");
  addFiles([...event.dataTransfer.files]);
});

translate();
await choices();
await sources();
route();
