// What was done, said for a while, with a way back; and what is wrong.
import { h } from "/dom.js";
import { t } from "/words.js";

const STAYS_MS = 9000;
const box = () => document.getElementById("toasts");

function put(text, kind, action) {
  const close = () => { clearTimeout(timer); toast.remove(); };
  const toast = h("div.toast", { className: `toast ${kind}` }, h("span", text),
    action ? h("button", { onclick: () => { close(); action.run(); } }, action.label) : "",
    h("button.quiet", { "aria-label": t("close"), onclick: close }, "✕"));
  // The newest alone: what came before it is undone by undoing twice.
  box().querySelectorAll(".done").forEach((old) => old.remove());
  box().append(toast);
  const timer = setTimeout(close, STAYS_MS);
}

export const say = (text, isProblem = false) => put(text, isProblem ? "problem" : "done");
export const sayWithUndo = (text, undo) => put(text, "done", { label: t("undo"), run: undo });
