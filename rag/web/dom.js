// Elements out of plain values. Text is always a text node: nothing here reads a string as HTML.

/** An element: `on…` keys are listeners, `class`, `data-…` and `aria-…` are attributes, children are nodes or text. */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked" || name === "disabled") element[name] = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}

const SHAPES = {
  answered: "M4.5 12.5l5 5 10-11",
  partial: "M12 4a8 8 0 1 0 0 16M12 4v16M15 5l0 0M18 7.5l0 0M19.8 11l0 0M19.5 14.5l0 0M17.5 17.6l0 0",
  not_found: "M12 12m-8 0a8 8 0 1 0 16 0a8 8 0 1 0-16 0M6.5 17.5l11-11",
  failed: "M12 4l9 16H3zM12 10v4.5M12 17.4v.1",
  close: "M6 6l12 12M18 6L6 18",
  copy: "M9 9h10v11H9zM6 15H5V4h10v2",
  link: "M10 14a4 4 0 0 0 6 .4l3-3a4 4 0 0 0-5.7-5.7l-1.2 1.2M14 10a4 4 0 0 0-6-.4l-3 3a4 4 0 0 0 5.7 5.7l1.2-1.2",
  before: "M15 5l-7 7 7 7",
  after: "M9 5l7 7-7 7",
  send: "M12 19V5M5.5 11.5L12 5l6.5 6.5",
  find: "M10.5 10.5m-6 0a6 6 0 1 0 12 0a6 6 0 1 0-12 0M15 15l5 5",
  stop: "M7 7h10v10H7z",
  sun: "M12 12m-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0M12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.3 5.3l1.4 1.4M17.3 17.3l1.4 1.4M18.7 5.3l-1.4 1.4M6.7 17.3l-1.4 1.4",
  moon: "M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5z",
  auto: "M12 12m-8.5 0a8.5 8.5 0 1 0 17 0a8.5 8.5 0 1 0-17 0M12 3.5v17M12 7a5 5 0 0 1 0 10",
  trash: "M5 7h14M10 7V4.5h4V7M7 7l1 13h8l1-13M10.5 10.5v6M13.5 10.5v6",
  plus: "M12 5v14M5 12h14",
  filter: "M4 6h16M7 12h10M10 18h4",
  out: "M14 5h5v5M19 5l-8 8M17 13v6H5V7h6",
};

/** A drawn sign that screen readers pass over. */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  for (const [key, value] of Object.entries({ viewBox: "0 0 24 24", "aria-hidden": "true", class: "sign" })) {
    svg.setAttribute(key, value);
  }
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", SHAPES[name]);
  svg.append(path);
  return svg;
}

/** Say something to people who listen to the page. */
export function tell(text) {
  document.getElementById("told").textContent = text;
}

/** Put text on the clipboard and say so on the button for a moment. */
export async function copy(text, button, done) {
  await navigator.clipboard.writeText(text);
  tell(done);
  button.classList.add("done");
  setTimeout(() => button.classList.remove("done"), 1500);
}

/** A question that needs a yes; resolves to whether it was said. */
export function confirmed(question, yes, no) {
  return new Promise((resolve) => {
    const box = h("dialog", { class: "box", "aria-labelledby": "box-question" },
      h("form", { method: "dialog" },
        h("p", { id: "box-question" }, question),
        h("div", { class: "row end" },
          h("button", { value: "no", class: "plain", autofocus: true }, no),
          h("button", { value: "yes", class: "danger" }, yes))));
    box.addEventListener("close", () => {
      resolve(box.returnValue === "yes");
      box.remove();
    });
    document.body.append(box);
    box.showModal();
  });
}
