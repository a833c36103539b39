// The run under way with its curves, the last verdict, files left alone, the machine and the nodes.
import { h, write } from "/dom.js";
import { renew } from "/renew.js";
import { on, part } from "/live.js";
import { lines } from "/chart.js";
import { next } from "/bar.js";
import { t, word, said, number, percent, figure, bytes, clock, moment, reportOf } from "/words.js";

const CHARTS = [["loss", null], ["accuracy", [0, 1]], ["learning_rate", null]];

// Cards by name, and when all of them have been told.
export function training() {
  const nodes = h("tbody");
  const run = h("div.run");
  const charts = h("div.charts");
  const verdict = h("div.verdict");
  const machine = h("div.machine");
  const notices = h("div.notices");
  const waits = h("p.waits");
  const cards = {
    run: h("section.card", h("h2", t("now_run")), waits, run, h("details", h("summary", t("now_curves")), charts)),
    verdict: h("section.card", h("h2", t("now_verdict")), verdict),
    machine: h("section.card", h("h2", t("now_machine")), machine),
    nodes: h("details.card.wide", h("summary", t("now_nodes")),
      h("div.scroll", h("table.nodes",
        h("thead", h("tr", ["node", "received", "through", "refused", "per_second", "memory", "state"].map((name) =>
          h(["node", "state"].includes(name) ? "th" : "th.num", t(`node_${name}`))))),
        nodes))),
  };
  const parts = {
    nodes: (all) => showNodes(nodes, all),
    run: (now) => showRun(run, charts, now),
    verdict: (now) => showVerdict(verdict, now),
    machine: (now) => showMachine(machine, now),
    notices: (all) => showNotices(notices, all),
    overview: (now) => write(waits, next(now.next)),
  };
  const missing = new Set(Object.keys(parts));
  let told;
  const ready = new Promise((done) => { told = done; });
  const off = Object.entries(parts).map(([name, draw]) => on(name, (now) => {
    draw(now);
    if (missing.delete(name) && !missing.size) told();
  }));
  // A graph that stopped says nothing more of its nodes.
  off.push(on("connected", () => { if (part("nodes")) showNodes(nodes, part("nodes")); }));
  return { ...cards, notices, ready, end: () => off.forEach((f) => f()) };
}

// Rows are kept, so that nothing is drawn anew but what changed.
function showNodes(body, all) {
  const known = new Map([...body.children].map((row) => [row.dataset.node, row]));
  for (const node of all) {
    const row = known.get(node.node) || body.appendChild(h("tr",
      h("td.name", h("i.lamp"), h("span")), Array.from({ length: 5 }, () => h("td.num")), h("td.state")));
    known.delete(node.node);
    row.dataset.node = node.node;
    const alive = node.alive && part("connected") !== false;
    row.className = alive ? "alive" : "gone";
    const [name, received, through, refused, rate, memory, state] = row.children;
    write(name.lastChild, node.node);
    name.firstChild.title = t(alive ? "node_alive" : "node_gone");
    write(received, number(node.received));
    write(through, number(node.through));
    write(refused, node.refused ? number(node.refused) : "–");
    refused.classList.toggle("bad", node.refused > 0);
    write(rate, node.per_second ? figure(node.per_second) : "–");
    write(memory, node.memory_bytes ? bytes(node.memory_bytes) : "–");
    write(state, alive ? said(node.state) : t("node_gone"));
  }
  known.forEach((row) => row.remove());
}

// Files left alone, refused or kept out, one line a kind: first those that somebody can do something about.
function showNotices(box, all) {
  if (!all.length) return renew(box, h("p.quiet", t("now_no_notices")));
  const line = (notice) => {
    // Those that the sentence names are not named again.
    const examples = notice.examples.filter((path) => !said(notice.reason).includes(path));
    return h("li", { className: notice.advice ? "needs" : "left" },
      h("b", number(notice.count)), " ", said(notice.reason),
      notice.advice ? h("div.advice", said(notice.advice)) : null,
      examples.length ? h("div.paths.quiet", examples.slice(0, 3).join(", "), notice.count > 3 ? ", …" : "") : null);
  };
  const part = (title, of) => of.length ? [h("h3", t(title)), h("ul", of.map(line))] : [];
  return renew(box,
    part("notices_needs", all.filter((notice) => notice.advice)),
    part("notices_left", all.filter((notice) => !notice.advice)));
}

function showRun(box, charts, run) {
  if (!run) {
    renew(box);
    charts.parentElement.hidden = true;
    renew(charts);
    return;
  }
  const share = run.epochs ? Math.min(1, (run.state === "training" ? Math.max(0, run.epoch - 1) : run.epoch) / run.epochs) : 0;
  const last = (name) => run.curves[name]?.at(-1)?.[1];
  const fact = (name, value) => h("div.fact", h("span", name), h("b", value));
  renew(box,
    h("p", h("b", run.id), " ", h("span.tag." + run.state, word("run", run.state)), " ", h("span.quiet", said(run.reason))),
    run.is_head ? "" : h("progress", { max: 1, value: share, "aria-label": t("now_epoch") }),
    h("div.facts",
      run.is_head ? "" : [
        fact(t("now_epoch"), `${run.epoch} / ${run.epochs}`),
        fact(t("now_left"), run.seconds_left ? clock(run.seconds_left) : "–"),
        fact(t("now_loss"), figure(run.loss ?? last("train loss"))),
        fact(t("now_accuracy"), percent(last("validation accuracy")))],
      fact(t("now_network"), `${run.architecture} ${run.size_px} px`),
      fact(t("now_from"), run.parent || t(run.is_head ? "now_pretrained" : "now_scratch"))),
  );
  charts.parentElement.hidden = !Object.keys(run.curves).length;
  renew(charts, CHARTS.map(([metric, y]) => {
    const all = ["train", "validation"].map((split) => ({
      name: `${t("split_" + split)} ${t("metric_" + metric)}`, kind: split, points: run.curves[`${split} ${metric}`] || [],
    })).filter((line) => line.points.length || metric !== "learning_rate");
    return h("figure", h("figcaption", t("metric_" + metric),
      metric === "learning_rate" ? "" : h("span.legend", h("i.train"), t("split_train"), h("i.validation"), t("split_validation"))),
    lines(t("metric_" + metric), all, { x: [1, Math.max(2, run.epochs)], y }));
  }));
}

function showVerdict(box, verdict) {
  if (!verdict) return renew(box, h("p.quiet", t("now_no_verdict")));
  const row = (name, value) => h("tr", h("th", name), h("td.num", value));
  return renew(box,
    h("p", h("span.tag." + verdict.decision, word("decision", verdict.decision)), " ", h("b", verdict.run)),
    h("p", said(verdict.reason)),
    verdict.has_report ? h("p", h("a", { href: reportOf(verdict.run), target: "_blank", rel: "noopener" }, t("report_run"))) : "",
    h("table.plain", h("tbody",
      row(t("verdict_balanced"), verdict.pictures ? percent(verdict.balanced_accuracy) : "–"),
      row(t("verdict_champion_balanced"), percent(verdict.champion_balanced_accuracy)),
      row(t("verdict_accuracy"), verdict.pictures ? percent(verdict.accuracy) : "–"),
      row(t("verdict_images"), number(verdict.pictures)),
      row(t("verdict_champion"), verdict.champion || "–"),
      row(t("verdict_when"), moment(verdict.judged_ms)))),
  );
}

function showMachine(box, machine) {
  const meter = (name, free, all) => h("div.meter",
    h("div", h("span", name), h("b", t("machine_free", { free: bytes(free), all: bytes(all) }))),
    h("meter", { min: 0, max: 1, low: 0.8, high: 0.95, optimum: 0, value: all ? 1 - free / all : 0, "aria-label": name }));
  renew(box,
    meter(t("machine_disk"), machine.disk_free_bytes, machine.disk_bytes),
    meter(t("machine_memory"), machine.memory_free_bytes, machine.memory_bytes));
}
