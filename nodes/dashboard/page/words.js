// Words and figures in the language that was chosen.
import { h } from "/dom.js";
import en from "/strings/en.js";
import ja from "/strings/ja.js";

const all = { en, ja };
export const language = () => document.documentElement.lang;

export function t(word, values = {}) {
  const text = all[language()][word] ?? word;
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

// A text in which commands stand between backquotes, as parts for `h`.
export const coded = (text) => text.split("`").map((part, at) => (at % 2 ? h("code", part) : part));

// A word that comes from the server: as it is when there is none of ours.
export const word = (prefix, name) => all[language()][`${prefix}_${name}`] ?? String(name);

// What a node tells: the server has rendered it in both languages. A plain string is the same in each.
export const said = (text) => text?.[language()] ?? text ?? "";

// The report of a run, or of the data set, in the language that was chosen; with a class, at its row.
export const reportOf = (run, label) =>
  `${run ? `/report/${encodeURIComponent(run)}/index` : "/report"}${language() === "ja" ? ".ja" : ""}.html${label === undefined ? "" : `#class-${encodeURIComponent(label)}`}`;

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
