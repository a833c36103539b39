// Under the header in every view: who answers and how well, when the next run begins, what waits for a decision.
import { h } from "/dom.js";
import { renew } from "/renew.js";
import { post } from "/ask.js";
import { on, part } from "/live.js";
import { say } from "/toast.js";
import { t, said, word, number, percent, time } from "/words.js";

const START = "cargo wakuteka start";
// A connection that is gone for a moment is no news.
const PATIENCE_MS = 2000;
const QUEUES = ["candidates", "conflicts", "suspected", "unsure"];
const WORKING = ["training", "embedding", "judging", "verdict", "asked"];

export function champion(now, problem) {
  if (problem) return h("span.bad", { title: said(problem) }, t("bar_unusable"), " ", h("a", { href: "#models" }, t("view_models")));
  if (!now) return h("span.quiet", t("bar_nobody"));
  const kind = t(now.kind === "head" ? "kind_head" : "kind_network");
  if (!now.images) return h("span", t("bar_unjudged", { kind }));
  const values = { kind, accuracy: percent(now.accuracy, 0), low: percent(now.interval[0], 0), high: percent(now.interval[1], 0), n: number(now.images) };
  return h("span", { title: t("bar_interval") }, t(now.folds ? "bar_answers_folds" : "bar_answers", values));
}

export function next(run) {
  const until = run.until_ms ? time(run.until_ms) : "";
  const values = { have: number(run.have), want: number(run.want), until, state: said(run.state) };
  const dated = ["changes", "training", "quiet", "schedule"].includes(run.code);
  return t(`next_${run.code}${dated && !until ? "_open" : ""}`, values);
}

async function ask(path, body, told) {
  try { await post(path, body); say(t(told)); } catch (error) { say(error.message, true); }
}
const train = () => ask("/api/train", {}, "bar_asked");
const pause = (paused) => ask("/api/pause", { paused }, paused ? "bar_paused" : "bar_resumed");

function needs(all) {
  const link = ({ code, count, is_notice: isNotice }) => h("a.need", {
    href: isNotice ? "#home?show=notices" : `#review?queue=${code}`, "data-need": code,
  }, isNotice ? t("need_notices", { n: number(count) }) : t("need_queue", { n: number(count), what: word("queue", code) }));
  const notices = all.filter((one) => one.is_notice);
  const count = notices.reduce((sum, one) => sum + one.count, 0);
  const queues = all.filter((one) => QUEUES.includes(one.code));
  return [...(count ? [{ code: "notices", count, is_notice: true }] : []), ...queues].map(link);
}

export function start() {
  const bar = document.getElementById("bar");
  let patience;
  let isStopped = false;
  function draw() {
    const now = part("overview");
    if (isStopped) {
      bar.className = "stopped";
      return renew(bar, h("span.part", h("i.lamp.gone"), t("stopped"), " ", h("code", START)));
    }
    bar.className = "";
    if (!now) return renew(bar, h("span.part.quiet", "…"));
    const { next: run } = now;
    const can = !["stopped", "asked", "training", "images", "classes", "training_images"].includes(run.code);
    const waiting = needs(now.needs);
    renew(bar,
      h("span.part.who", h("i.lamp", { className: run.code === "stopped" || now.champion_problem ? "lamp gone" : "lamp on" }), champion(now.champion, now.champion_problem)),
      h("span.part.next", h("span", { className: WORKING.includes(run.code) ? "working" : "" }, next(run), run.is_paused && run.code !== "pause" ? ` ${t("next_also_paused")}` : ""),
        run.code === "stopped" ? h("code", START) : "",
        h("button.small-button", { "data-act": "train", disabled: !can, title: t("bar_train_how"), onclick: train }, t("bar_train")),
        h("button.small-button", { "data-act": "pause", title: t("bar_pause_how"), onclick: () => pause(!run.is_paused) }, t(run.is_paused ? "bar_resume" : "bar_pause"))),
      h("span.part.needs", waiting.length ? [h("span.quiet", t("bar_needs")), waiting] : h("span.quiet", t("bar_no_needs"))));
  }
  on("overview", draw);
  on("connected", (is) => {
    clearTimeout(patience);
    if (is) { isStopped = false; draw(); } else patience = setTimeout(() => { isStopped = true; draw(); }, PATIENCE_MS);
  });
  return draw;
}
