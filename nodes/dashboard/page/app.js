// The frame: views by the part of the address behind #, languages, colours, keys.
import { h, say } from "/dom.js";
import { t, language } from "/words.js";
import { on, start } from "/live.js";
import * as now from "/now.js";
import * as look from "/look.js";
import * as decide from "/decide.js";
import * as compare from "/compare.js";
import * as trying from "/try.js";

const VIEWS = { now, look, decide, compare, try: trying };
let leave = () => {};
let opens = 0;

function open() {
  const [name, rest] = location.hash.slice(1).split("?");
  const view = VIEWS[name] ? name : "now";
  leave();
  const root = document.getElementById("view");
  root.replaceChildren();
  root.className = `${view} opening`;
  document.title = `${t("view_" + view)} · Wakuteka`;
  frame(view);
  // What is still empty is not shown, so that nothing jumps when it fills; but nobody is kept waiting for it.
  const ready = () => { if (root.dataset.opened === opened) root.classList.remove("opening"); };
  const opened = root.dataset.opened = String(++opens);
  setTimeout(ready, 1500);
  leave = VIEWS[view].show(root, new URLSearchParams(rest || ""), ready) || (() => {});
}

function frame(view) {
  document.getElementById("views").replaceChildren(...Object.keys(VIEWS).map((name) =>
    h("a", { href: `#${name}`, "aria-current": name === view ? "page" : null }, t("view_" + name))));
  const other = language() === "ja" ? "en" : "ja";
  document.getElementById("tools").replaceChildren(
    h("span.link", { id: "link", title: t("link_title") }, h("i.lamp"), h("span")),
    h("button", { title: t("tool_language"), lang: other, onclick: () => speak(other) }, other === "ja" ? "日本語" : "English"),
    h("button", { title: t("tool_colours"), "aria-label": t("tool_colours"), onclick: colours }, "◐"),
    h("button", { title: t("tool_keys"), "aria-label": t("tool_keys"), onclick: keys }, "?"));
  shownLink();
}

const START = "cargo wakuteka start";
// A connection that is gone for a moment is no news.
const PATIENCE_MS = 2000;
let connected = false;
let failed = false;
let patience;
function shownLink() {
  const link = document.getElementById("link");
  link.className = connected ? "link alive" : "link gone";
  link.lastChild.textContent = t(connected ? "link_on" : "link_off");
}

// A graph that does not run is told in every view, with how to start it; what could not be shown then is shown when it runs.
function shownStopped(is) {
  const box = document.getElementById("stopped");
  box.replaceChildren(...(is ? [t("stopped"), " ", h("code", START)] : []));
  box.hidden = !is;
}

function connection(is) {
  connected = is;
  clearTimeout(patience);
  if (!is) patience = setTimeout(() => shownStopped(true), PATIENCE_MS);
  else shownStopped(false);
  if (is && failed) { failed = false; open(); }
  shownLink();
}

function speak(chosen) {
  document.documentElement.lang = chosen;
  localStorage.setItem("language", chosen);
  shownStopped(!document.getElementById("stopped").hidden);
  open();
}

function colours() {
  const dark = document.documentElement.dataset.theme
    ? document.documentElement.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = dark ? "light" : "dark";
  localStorage.setItem("theme", document.documentElement.dataset.theme);
}

function keys() {
  const row = (key, text) => h("tr", h("th", h("kbd", key)), h("td", text));
  const own = VIEWS[location.hash.slice(1).split("?")[0]]?.keys?.() || [];
  const close = () => box.close();
  const box = h("dialog", { onclose: () => box.remove() },
    h("h2", t("tool_keys")),
    h("table.plain", h("tbody", row(`Alt 1 – ${Object.keys(VIEWS).length}`, t("keys_views")), own.map(([key, text]) => row(key, text)), row("?", t("tool_keys")))),
    h("button", { onclick: close, autofocus: true }, t("close")));
  document.body.append(box);
  box.showModal();
}

addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("input, textarea, select, dialog");
  if (typing || event.ctrlKey || event.metaKey || event.defaultPrevented) return;
  if (event.key === "?") keys();
  const view = event.altKey && Object.keys(VIEWS)[Number(event.key) - 1];
  if (view) { event.preventDefault(); location.hash = view; }
});
addEventListener("hashchange", open);
addEventListener("unhandledrejection", (event) => {
  if (event.reason?.name === "AbortError") return;
  // Nobody answers: the line above the view says so.
  if (event.reason instanceof TypeError && !connected) failed = true;
  else say(String(event.reason?.message || event.reason), true);
});

open();
on("connected", connection);
start(["nodes", "notices", "run", "verdict", "machine", "album"]);
