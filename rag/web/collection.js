// Which collection this tab is about; that of the key, as long as none is chosen.

const KEPT = "collection";

/** The chosen collection, empty for the one that is meant when none is named. */
export const collection = () => sessionStorage.getItem(KEPT) || "";

/** Choose a collection for this tab; empty for the one that is meant when none is named. */
export function choose(name) {
  if (name) sessionStorage.setItem(KEPT, name);
  else sessionStorage.removeItem(KEPT);
}
