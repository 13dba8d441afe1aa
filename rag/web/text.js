// Text by the characters the service counts: Unicode code points, not the UTF-16 units of JavaScript strings.

import { collection } from "./collection.js";
import { language, t } from "./words.js";

/** `text[start:end]` in code points. */
export function cut(text, start, end) {
  return Array.from(text).slice(start, end).join("");
}

/** The text in pieces `{text, spans}`, cut at the ends of all spans; `spans` are those that cover the piece. */
export function pieces(text, spans) {
  const points = Array.from(text);
  const cuts = new Set([0, points.length]);
  for (const span of spans) {
    cuts.add(Math.min(span.start, points.length));
    cuts.add(Math.min(span.end, points.length));
  }
  const ends = [...cuts].sort((a, b) => a - b);
  return ends.slice(1).map((end, n) => ({
    text: points.slice(ends[n], end).join(""),
    start: ends[n],
    spans: spans.filter((span) => span.start <= ends[n] && end <= span.end),
  }));
}

/** A day in the reader's language; empty without one. */
export function day(moment) {
  if (!moment) return "";
  return new Intl.DateTimeFormat(language(), { dateStyle: "medium", timeZone: "UTC" }).format(new Date(moment));
}

/** "2025-02-17", "2025-02" or "2025" in the reader's language, as far as it goes. */
export function part(date) {
  if (!date) return "";
  const [, month, day] = date.split("-");
  const known = { year: "numeric", ...(month ? { month: "long" } : {}), ...(day ? { day: "numeric" } : {}) };
  return new Intl.DateTimeFormat(language(), { ...known, timeZone: "UTC" }).format(new Date(date));
}

/** A number in the reader's language. */
export function number(value) {
  return new Intl.NumberFormat(language()).format(value);
}

/** "Source, day" as far as known. */
export function place(one) {
  return [one.source, day(one.published)].filter(Boolean).join(" · ");
}

/** The address of a citation on this page. */
export function addressOf(one) {
  const parts = new URLSearchParams({ revision: one.revision, start: one.start, end: one.end });
  if (collection()) parts.set("collection", collection());
  return `#/article/${encodeURIComponent(one.article_id)}?${parts}`;
}

/** The same, to be sent to somebody. */
export function shareable(one) {
  return new URL(addressOf(one), location.href).href;
}

/** Whether an address may be followed: never a script. */
export function isWeb(url) {
  return /^https?:\/\//i.test(url || "");
}

/** An answer or summary with its sources, for other programs. */
export function withSources(result) {
  const lines = result.citations.map((one) => {
    const where = [one.title || t("untitled"), one.source, day(one.published), one.url || shareable(one)];
    return `[${one.number}] “${one.quote}” — ${where.filter(Boolean).join(", ")}`;
  });
  return [result.text, lines.join("\n")].filter(Boolean).join("\n\n");
}
