// All proposals of one class at once: click the wrong ones, accept the rest. The wrong ones go to trash/, or to another class.
import { h } from "/dom.js";
import { renew } from "/renew.js";
import { pickClass } from "/acts.js";
import { thumbnail, name } from "/grid.js";
import { t, number, percent } from "/words.js";

// Images of a sheet.
const MOST = 60;
let marked = new Set();
let shown = "";

// act(questions, of): of(question) gives the acts that answer it. isKept: what is wrong is of another class, not unwanted.
export function sheet(box, { questions, classes, act, title, isKept }) {
  const by = new Map();
  for (const one of questions) { const label = one.likely[0]?.[0]; if (label) by.set(label, [...(by.get(label) || []), one]); }
  if (!by.has(shown)) { shown = by.keys().next().value ?? ""; marked = new Set(); }
  const all = (by.get(shown) || []).slice(0, MOST);
  const redraw = () => sheet(box, { questions, classes, act, title, isKept });
  const right = () => all.filter((one) => !marked.has(one.key));
  const wrong = () => all.filter((one) => marked.has(one.key));
  const accept = () => act(right(), (one) => one.files.map((file) => ({ label: { path: file.path, class: shown } })));
  const correct = async () => {
    const some = wrong();
    const to = await pickClass(t("pick_title", { n: number(some.length) }), classes);
    if (to) { marked = new Set(); act(some, (one) => one.files.map((file) => ({ label: { path: file.path, class: to } }))); }
  };
  const refuse = () => { const some = wrong(); marked = new Set(); act(some, (one) => one.files.map((file) => ({ throw: { path: file.path } }))); };
  const tile = (one) => {
    const isWrong = marked.has(one.key);
    const p = one.likely[0]?.[1];
    return h(isWrong ? "button.card-tile.wrong" : "button.card-tile", { "aria-pressed": String(isWrong), title: one.files[0].path, "data-key": one.key, onclick: () => {
      if (isWrong) marked.delete(one.key); else marked.add(one.key);
      redraw();
    } }, h("img", { src: thumbnail(one.files[0]), alt: name(one.files[0].path), loading: "lazy" }), h("span", isWrong ? t("sheet_wrong") : p === null || p === undefined ? shown : `${shown} ${percent(p, 0)}`));
  };
  renew(box,
    h("p.quiet", title),
    h("div.chips", [...by].map(([label, some]) => h("button.chip", { "data-key": label, "aria-pressed": String(label === shown), onclick: () => { shown = label; marked = new Set(); redraw(); } }, label, " ", h("b", number(some.length))))),
    h("div.sheet", all.map(tile)),
    h("div.row.sticky-foot",
      h("button.main", { id: "sheet-accept", disabled: !right().length, onclick: accept }, t("sheet_accept", { n: number(right().length), to: shown })),
      h("button", { id: "sheet-refuse", disabled: !wrong().length, onclick: isKept ? correct : refuse }, t(isKept ? "sheet_correct" : "sheet_refuse", { n: number(wrong().length) }))));
}
