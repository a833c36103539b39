// The frame: views by the part of the address behind #, languages, colours, keys.
import { h } from "/dom.js";
import { renew } from "/renew.js";
import { say } from "/toast.js";
import { undo } from "/acts.js";
import { t, language } from "/words.js";
import { on, start } from "/live.js";
import { start as startBar } from "/bar.js";
import * as home from "/home.js";
import * as images from "/images.js";
import * as review from "/review.js";
import * as models from "/models.js";
import * as trying from "/try.js";

const VIEWS = { home, images, review, models, try: trying };
// Addresses of earlier versions, which may be somebody's bookmarks.
const EARLIER = { now: "home", look: "images", decide: "review", compare: "models" };
let leave = () => {};
let opens = 0;

function open() {
  const [asked, rest] = location.hash.slice(1).split("?");
  const name = EARLIER[asked] ?? asked;
  const view = VIEWS[name] ? name : "home";
  leave();
  document.querySelector("dialog.details")?.close();
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
  renew(document.getElementById("views"), Object.keys(VIEWS).map((name) =>
    h("a", { href: `#${name}`, "aria-current": name === view ? "page" : null }, t("view_" + name))));
  const other = language() === "ja" ? "en" : "ja";
  renew(document.getElementById("tools"),
    h("span.link", { id: "link", title: t("link_title") }, h("i.lamp"), h("span")),
    h("button", { title: t("tool_language"), lang: other, onclick: () => speak(other) }, other === "ja" ? "日本語" : "English"),
    h("button", { title: t("tool_colours"), "aria-label": t("tool_colours"), onclick: colours }, "◐"),
    h("button", { title: t("tool_keys"), "aria-label": t("tool_keys"), onclick: keys }, "?"));
  shownLink();
}

let connected = false;
let failed = false;
function shownLink() {
  const link = document.getElementById("link");
  link.className = connected ? "link alive" : "link gone";
  link.lastChild.textContent = t(connected ? "link_on" : "link_off");
}

function showStopped() {
  failed = true;
  const root = document.getElementById("view");
  // What was shown before stays.
  if (!root.classList.contains("opening")) return;
  leave();
  leave = () => {};
  root.classList.remove("opening");
  root.replaceChildren(h("section.card.wide", h("p", t("stopped_view"))));
}

// What could not be shown while nobody answered is shown when somebody does.
function connection(is) {
  connected = is;
  if (is && failed) { failed = false; open(); }
  shownLink();
}

function speak(chosen) {
  document.documentElement.lang = chosen;
  localStorage.setItem("language", chosen);
  drawBar();
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
  const own = VIEWS[(EARLIER[location.hash.slice(1).split("?")[0]] ?? location.hash.slice(1).split("?")[0])]?.keys?.() || [];
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
  // Views with images have keys of their own.
  const view_ = location.hash.slice(1).split("?")[0] || "home";
  if (event.key === "u" && ["home", "models"].includes(EARLIER[view_] ?? view_)) undo();
  if (event.key === "?") keys();
  const view = event.altKey && Object.keys(VIEWS)[Number(event.key) - 1];
  if (view) { event.preventDefault(); location.hash = view; }
});
addEventListener("hashchange", open);
addEventListener("unhandledrejection", (event) => {
  if (event.reason?.name === "AbortError") return;
  // Nobody answers: the bar above the view says so.
  if (event.reason instanceof TypeError && !connected) showStopped();
  else say(String(event.reason?.message || event.reason), true);
});

// What stays at the top, for what stays below it.
new ResizeObserver(([entry]) => document.documentElement.style.setProperty("--header", `${entry.target.offsetHeight}px`)).observe(document.querySelector("header"));
const drawBar = startBar();
open();
on("connected", connection);
start(["nodes", "notices", "run", "verdict", "machine", "album", "overview"]);
