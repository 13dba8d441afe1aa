// The service, over fetch. Errors come as `Problem` with the service's own code, message and hint.

import { collection } from "./collection.js";

/** What went wrong, in the service's words. */
export class Problem extends Error {
  constructor(status, told) {
    super(told.message);
    this.status = status;
    this.code = told.code;
    this.hint = told.hint || "";
  }
}

let askForKey = async () => "";

/** How a key is asked for when the service wants one. */
export function onKeyWanted(ask) {
  askForKey = ask;
}

async function problem(response) {
  let told;
  try {
    told = (await response.json()).error;
  } catch {
    told = null; // a proxy in between speaks its own shape
  }
  return new Problem(response.status, told || { code: "error", message: `HTTP ${response.status}` });
}

async function send(path, options = {}) {
  const key = sessionStorage.getItem("key");
  const headers = { ...options.headers };
  if (key) headers.Authorization = `Bearer ${key}`;
  if (collection()) headers["Rag-Collection"] = collection();
  let response;
  try {
    response = await fetch(path, { ...options, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, { code: "unreached", message: "", hint: "" });
  }
  if (response.status === 401) {
    const given = await askForKey(Boolean(key));
    if (given) {
      sessionStorage.setItem("key", given);
      return send(path, options);
    }
  }
  if (!response.ok) throw await problem(response);
  return response;
}

function json(body, signal) {
  return { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body), signal };
}

const read = async (path, options) => (await send(path, options)).json();

/** Server-sent events (WHATWG HTML 9.2.6) as `{name, data}`, one after the other. */
async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "", name = "", data = [];
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const raw of lines) {
      const line = raw.replace(/\r$/, "");
      if (line.startsWith("event:")) name = line.slice(6).trim();
      else if (line.startsWith("data:")) data.push(line.slice(5).replace(/^ /, ""));
      else if (!line && data.length) {
        yield { name, data: JSON.parse(data.join("\n")) };
        name = "";
        data = [];
      }
    }
  }
}

async function* streamed(path, body, last, signal) {
  let finished = false;
  for await (const event of events(await send(path, json({ ...body, stream: true }, signal)))) {
    if (event.name === "error") throw new Problem(500, event.data.error);
    finished = event.name === last;
    yield event;
  }
  if (!finished) throw new Problem(0, { code: "unreached", message: "", hint: "" });
}

/** The events of an answer: evidence, statement …, answer. */
export const ask = (body, signal) => streamed("v1/ask", body, "answer", signal);
/** The events of a summary: statement …, summary. */
export const summarise = (body, signal) => streamed("v1/summarise", body, "summary", signal);
export const search = async (body) => (await read("v1/search", json(body))).hits;
export const collections = () => read("v1/collections");
export const articles = (parameters) => read(`v1/articles?${new URLSearchParams(parameters)}`);
export const addText = (article) => read("v1/articles", json({ articles: [article] }));
export const remove = (id) => read(`v1/articles/${encodeURIComponent(id)}`, { method: "DELETE" });

export function article(id, revision) {
  const query = revision ? `?${new URLSearchParams({ revision })}` : "";
  return read(`v1/articles/${encodeURIComponent(id)}${query}`);
}

export function upload(file) {
  const form = new FormData();
  form.append("files", file, file.name);
  return read("v1/articles/upload", { method: "POST", body: form });
}
