// What can be done with chosen images: the same buttons and keys in every grid and beside one image.
import { h } from "/dom.js";
import { renew } from "/renew.js";
import { differ, move, pickClass, trash, undo, classKey } from "/acts.js";
import { t, number } from "/words.js";

// As many classes have buttons of their own; all others are found by typing.
const BUTTONS = 9;

export const keys = () => [
  ["1 – 9", t("key_class")], ["M", t("key_move")], ["A", t("key_proposal")], ["X, Delete", t("key_throw")], ["D", t("key_different")], ["U, Ctrl Z", t("key_undo")],
];

// classes(): names; meant(): the images; clear(): after it is done.
export function tools({ classes, meant, clear }) {
  const paths = () => meant().map((one) => one.path);
  const into = (label) => { const some = meant().filter((one) => one.class !== label || !one.path.startsWith("photos/")).map((one) => one.path); if (some.length) { move(some, label); clear(); } };
  const pick = async () => { if (!meant().length) return; const label = await pickClass(t("pick_title", { n: number(meant().length) }), classes()); if (label) into(label); };
  const toss = () => { const some = paths().filter((path) => !path.startsWith("trash/")); if (some.length) { trash(some); clear(); } };
  const differ_ = () => { const some = meant().map((one) => one.digest).filter(Boolean); if (some.length > 1) { differ(some); clear(); } };
  // What an image was predicted to be, or is suspected to be.
  const proposal = (one) => one.suspect?.suggested || (one.predicted && one.predicted.class !== one.class ? one.predicted.class : null);
  const accept = () => {
    const by = new Map();
    for (const one of meant()) { const label = proposal(one); if (label) by.set(label, [...(by.get(label) || []), one.path]); }
    for (const [label, some] of by) move(some, label);
    if (by.size) clear();
  };
  const button = (key, text, run, kind = "") => h("button" + kind, { type: "button", "data-act": key, onclick: run }, key ? [h("kbd", key), " "] : "", text);
  return {
    buttons(one) {
      const proposed = one && proposal(one);
      return [
        proposed ? button("A", t("decide_move_to", { to: proposed }), accept, ".main") : "",
        ...classes().slice(0, BUTTONS).map((label, at) => h("button", { type: "button", "data-act": `class ${label}`, disabled: Boolean(one && one.class === label && one.path.startsWith("photos/")), onclick: () => into(label) }, h("kbd", classKey(at)), " ", label)),
        button("M", classes().length > BUTTONS ? t("act_more", { n: number(classes().length - BUTTONS) }) : t("act_new"), pick),
        button("X", t("act_trash"), toss),
        !one ? button("D", t("key_different"), differ_) : "",
        one ? button("U", t("undo"), undo) : "",
      ];
    },
    key(event) {
      if (event.ctrlKey && event.key === "z") { undo(); return true; }
      if (event.ctrlKey || event.metaKey || event.altKey) return false;
      const k = event.key.length === 1 ? event.key.toLowerCase() : event.key;
      const label = /^[1-9]$/.test(k) && classes()[Number(k) - 1];
      if (label) into(label);
      else if (k === "m" || k === "n") pick();
      else if (k === "a") accept();
      else if (k === "x" || k === "Delete") toss();
      else if (k === "d") differ_();
      else if (k === "u") undo();
      else return false;
      return true;
    },
  };
}

// A bar at the foot of the window while anything is chosen in a grid; keys act on what is chosen, else on the image looked at.
// isAlways: keys act without the grid having the focus, where the view has nothing else to type into.
export function selection(of, classes, { isAlways = false } = {}) {
  const acts = tools({ classes, meant: of.meant, clear: of.clear });
  const bar = h("div.selection", { role: "toolbar", "aria-label": t("act_bar"), hidden: true });
  const draw = () => {
    const n = of.chosen.size;
    // After an act the keyboard is where the images are.
    if (!n && bar.contains(document.activeElement)) of.box.focus({ preventScroll: true });
    bar.hidden = !n;
    document.body.classList.toggle("selecting", n > 0);
    if (n) renew(bar, h("b", { role: "status" }, t("act_chosen", { n: number(n) })), acts.buttons(), h("button.quiet", { onclick: of.clear, "aria-label": t("act_clear") }, "✕"));
  };
  of.box.addEventListener("chosen", draw);
  const key = (event) => {
    if (event.defaultPrevented || event.target.closest?.("input, select, textarea, dialog")) return;
    // Of keys alone, those that change something must be meant: the grid has the focus, or something is chosen.
    const isMeant = isAlways || of.chosen.size || of.box.contains(document.activeElement) || of.box === document.activeElement;
    if (!isMeant && event.key !== "u" && !(event.ctrlKey && event.key === "z")) return;
    if (acts.key(event)) event.preventDefault();
  };
  addEventListener("keydown", key);
  return { bar, end() { removeEventListener("keydown", key); document.body.classList.remove("selecting"); } };
}
