// Words and figures in the language that was chosen.
import en from "/strings/en.js";
import ja from "/strings/ja.js";
import jaSaid from "/strings/ja_said.js";
import jaNotices from "/strings/ja_notices.js";

const all = { en, ja };
export const language = () => document.documentElement.lang;

export function t(word, values = {}) {
  const text = all[language()][word] ?? word;
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

// A word that comes from the server: as it is when there is none of ours.
export const word = (prefix, name) => all[language()][`${prefix}_${name}`] ?? String(name);

// A sentence that comes from a node.
const rules = { ja: jaSaid };
export const said = (text) => (rules[language()] ?? []).reduce((now, [pattern, words]) => now.replace(pattern, words), text ?? "");

// Reason and advice of a notice: by its kind, where the language has words for it, else what the node says. What follows ":"
// in a kind is what it is about.
const notices = { ja: jaNotices };
export function noticed({ kind, reason, advice }) {
  const at = kind.indexOf(":");
  const [code, what] = at < 0 ? [kind, ""] : [kind.slice(0, at), kind.slice(at + 1)];
  const own = notices[language()] ?? {};
  const words = own[`${code}_${what.split(" ")[0].toLowerCase()}`] ?? own[code] ?? [said(reason), said(advice)];
  return words.map((text) => text.replace("{what}", () => what));
}

export const number = (n) => (n === null || n === undefined ? "–" : Number(n).toLocaleString(language()));
export const percent = (x, digits = 1) =>
  x === null || x === undefined || Number.isNaN(x) ? "–" : `${(100 * x).toLocaleString(language(), { minimumFractionDigits: digits, maximumFractionDigits: digits })}${language() === "ja" ? "" : "\u00a0"}%`;
export const figure = (x) =>
  x === null || x === undefined ? "–" : Math.abs(x) >= 0.01 || x === 0 ? x.toLocaleString(language(), { maximumFractionDigits: 3 }) : x.toExponential(1);

export const short = (x) => x.toLocaleString(language(), { maximumSignificantDigits: 3 });

export function bytes(n) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let at = 0;
  while (n >= 1000 && at < units.length - 1) { n /= 1000; at += 1; }
  return `${n.toLocaleString(language(), { maximumFractionDigits: n < 10 && at ? 1 : 0 })} ${units[at]}`;
}

export function clock(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  const whole = Math.max(0, Math.round(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (n) => String(n).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

export const moment = (ms) => new Date(ms).toLocaleString(language(), { dateStyle: "medium", timeStyle: "short" });

// The time of the day; with the date when it is another day.
export function time(ms) {
  const date = new Date(ms);
  const today = date.toDateString() === new Date().toDateString();
  return date.toLocaleString(language(), today ? { hour: "2-digit", minute: "2-digit" } : { dateStyle: "medium", timeStyle: "short" });
}
