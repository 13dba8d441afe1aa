// A summary of some articles: its form and length are chosen, its statements arrive, the whole one stands at the end.

import * as api from "./api.js";
import { Numbers, statement, summary, trouble } from "./cited.js";
import { h, tell } from "./dom.js";
import { language, t } from "./words.js";

const FORMS = { text: "prose", points: "points", timeline: "timeline", who_said_what: "whoSaidWhat" };
const LENGTHS = { short: "short", usual: "usual", long: "long" };
const SENTENCES = { short: [3, 6], usual: [], long: [12, 40] }; // of a text; of a list of events or of speech
const LISTS = ["timeline", "who_said_what"];
const chosen = { form: "text", length: "usual" };

/** A button that summarises what `wanted` names into `told`, beside it what to choose. */
export function summariser(label, wanted, told) {
  let running = null;
  const button = h("button", { type: "button", class: "plain", onclick: run }, label);
  return h("div", { class: "row summariser" }, button, choice("form", FORMS), choice("length", LENGTHS));

  function choice(key, names) {
    const set = (event) => {
      chosen[key] = event.target.value;
      if (told.childElementCount) run();
    };
    return h("select", { "aria-label": t(key), onchange: set },
      Object.entries(names).map(([value, name]) => h("option", { value, selected: value === chosen[key] }, t(name))));
  }

  async function run() {
    if (running) running.abort();
    const mine = running = new AbortController();
    const sentences = SENTENCES[chosen.length][LISTS.includes(chosen.form) ? 1 : 0];
    const statements = [];
    told.replaceChildren(underway(statements));
    try {
      const body = { ...wanted(), form: chosen.form, language: language(), ...(sentences ? { sentences } : {}) };
      for await (const { name, data } of api.summarise(body, mine.signal)) {
        if (!told.isConnected) return mine.abort();
        if (name === "statement") statements.push(data);
        told.replaceChildren(name === "summary" ? summary(data) : underway(statements));
        if (name === "summary") tell(data.text);
      }
    } catch (error) {
      if (mine === running) told.replaceChildren(trouble(error, run));
    }
  }
}

function underway(statements) {
  const numbers = new Numbers();
  const all = () => statements.flatMap((one) => one.citations);
  return h("section", { class: "card underway", "aria-busy": "true" },
    h("header", {}, h("span", { class: "pulse" }), h("p", {}, t("summarising"))),
    statements.length ? h("ul", { class: "statements" }, statements.map((one) => statement(one, numbers, all))) : null);
}
