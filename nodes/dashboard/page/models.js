// Models: runs in a table and as curves over each other, accuracy against cost, and who is champion.
import { h } from "/dom.js";
import { renew } from "/renew.js";
import { say } from "/toast.js";
import { pair } from "/pair.js";
import { searches } from "/searches.js";
import { get, post } from "/ask.js";
import { on } from "/live.js";
import { lines, scatter } from "/chart.js";
import { t, coded, word, said, number, percent, clock, moment, short, reportOf } from "/words.js";

const KINDS = ["one", "two", "three", "four", "five", "six"];
const COSTS = [["multiply_adds", (run) => run.multiply_adds && run.multiply_adds / 1e6], ["seconds", (run) => run.seconds]];

export const keys = () => [["Space", t("compare_key")]];

export function show(root, _, ready) {
  let table = { runs: [], experiments: [] };
  const curves = new Map();
  const compared = [];
  let ended = false;
  const champion = h("div.champion");
  const charts = h("div.charts");
  const costs = h("div.charts.costs");
  const body = h("tbody");
  const two = h("div.pair");
  const searched = h("section.card.wide.searches");
  // Nothing is shown of what there is none of: heads have no epochs, one run alone has no rival.
  const drawn = h("section.card.wide", h("h2", t("compare_curves")), charts);
  const priced = h("section.card.wide", h("h2", t("compare_cost")), h("p.quiet", t("compare_front")), costs);
  const sizes = h("div");
  const pages = h("p");
  root.append(
    h("section.card.wide", h("h2", t("compare_champion")), champion),
    h("section.card.wide", h("h2", t("compare_runs")), h("p.quiet", t("compare_how")), h("div.scroll", h("table.runs",
      h("thead", h("tr", ["", "run", "state", "balanced", "accuracy", "work", "time", "network", "data", "from", ""].map((name) =>
        h(["balanced", "accuracy", "work", "time", "data"].includes(name) ? "th.num" : "th", name ? t("run_" + name) : "")))), body))),
    h("section.card.wide", h("h2", t("pair")), two),
    drawn, priced, searched,
    h("section.card.wide", h("h2", t("compare_experiments")), sizes, pages));

  async function load() {
    const found = await get("/api/runs");
    if (ended) return;
    table = found;
    if (!compared.length) compared.push(...table.runs.filter((run) => run.state !== "abandoned").slice(0, 2).map((run) => run.id));
    draw();
    await drawCurves();
    ready();
    pair(two, compared.slice(0, 2));
  }

  function draw() {
    const now = table.runs.find((run) => run.id === table.champion);
    const before = table.runs.find((run) => run.id === table.previous);
    const told = (run, id) => h("span", h("b", id), " ", run ? h("span.quiet", `${percent(run.balanced_accuracy)} · ${run.architecture} ${run.size_px} px`) : "");
    renew(champion, table.champion
      ? [h("div.row", h("span.tag.promoted", t("compare_now")), told(now, table.champion)), exports(table.champion)]
      : h("p.quiet", t("compare_nobody")),
    table.previous ? h("div.row", h("button", { id: "rollback", onclick: rollback }, "↩ ", t("compare_rollback")), h("span.quiet", t("compare_to")), told(before, table.previous)) : "");
    renew(body, table.runs.map(row));
    priced.hidden = table.runs.filter((run) => run.balanced_accuracy !== null).length < 2;
    renew(costs, COSTS.map(([name, cost], which) => plot(t("cost_" + name), table.runs
      .filter((run) => cost(run) && run.balanced_accuracy !== null)
      .map((run) => ({ x: cost(run), y: run.balanced_accuracy, name: run.id, front: run.front[which], large: run.is_champion })))));
    drawSizes(table.sizes);
    renew(pages, table.experiments.length
      ? h("span", table.experiments.map((name) => [h("a", { href: `/experiment/${encodeURIComponent(name)}`, target: "_blank", rel: "noopener" }, word("experiment", name)), " "]))
      : h("span.quiet", coded(t("compare_no_experiments"))));
  }

  // What can be taken away of a model.
  const link = (file, text, run) => h("a.button", { href: `/export/${encodeURIComponent(run)}/${file}`, download: "" }, text);
  const exports = (run) => h("div.row.exports", h("span.quiet", t("export")),
    [["model.onnx", "ONNX"], ["model.safetensors", "safetensors"], ["model.nnp", ".nnp"], ["predictions.csv", t("export_predictions")]].map(([file, text]) => link(file, text, run)),
    link("predictions.csv", t("export_inbox"), "inbox"), h("a.button", { href: "/export/classes.zip", download: "" }, t("export_classes")));

  function row(run) {
    const place = compared.indexOf(run.id);
    const mark = h("input", { type: "checkbox", checked: place >= 0, "aria-label": t("compare_draw", { run: run.id }), onchange: (event) => pick(run.id, event.target.checked) });
    return h("tr", { "data-key": run.id, title: said(run.reason) },
      h("td", h("label.swatch." + (KINDS[place] || "none"), mark)),
      h("td.name", run.has_report ? h("a", { href: reportOf(run.id), target: "_blank", rel: "noopener" }, run.id) : run.id, h("div.quiet.note", moment(run.started_ms))),
      h("td", h("span.tag." + run.state, { title: said(run.verdict) }, word("state", run.is_champion && run.state === "refused" ? "by_hand" : run.state)), " ", run.is_champion ? h("span.tag.promoted", t("compare_now")) : ""),
      h("td.num", percent(run.balanced_accuracy), run.front.some(Boolean) ? h("span.front", { title: t("compare_on_front") }, " ◆") : ""),
      h("td.num", percent(run.accuracy)),
      h("td.num", run.multiply_adds ? `${short(run.multiply_adds / 1e6)} M` : "–"),
      h("td.num", clock(run.seconds)),
      h("td", `${run.architecture} ${run.size_px} px`),
      h("td.num", number(run.version)),
      h("td.name", run.parent || t(run.is_head ? "now_pretrained" : "now_scratch")),
      h("td", run.can_promote ? h("button", { "data-act": "promote", onclick: () => promote(run) }, t("compare_promote")) : ""));
  }

  function pick(id, is) {
    if (is) { if (compared.length >= KINDS.length) compared.shift(); compared.push(id); } else compared.splice(compared.indexOf(id), 1);
    draw();
    drawCurves();
    pair(two, compared.slice(-2));
  }

  async function drawCurves() {
    await Promise.all(compared.filter((id) => !curves.has(id)).map(async (id) => curves.set(id, await get(`/api/run/${encodeURIComponent(id)}`))));
    if (ended) return;
    drawn.hidden = !compared.some((id) => Object.keys(curves.get(id) || {}).some((name) => name.startsWith("validation")));
    renew(charts, ["loss", "accuracy"].map((metric) => {
      const all = compared.map((id, place) => ({ name: id, kind: KINDS[place], points: curves.get(id)?.[`validation ${metric}`] || [] }));
      return h("figure", h("figcaption", `${t("metric_" + metric)} (${t("split_validation")})`), lines(t("metric_" + metric), all, metric === "accuracy" ? { y: [0, 1] } : {}));
    }), h("div.legend.column", compared.map((id, place) => h("span.key", h("i." + KINDS[place]), id))));
  }

  const plot = (title, points) => h("figure", h("figcaption", title), scatter(title, points));

  // The experiment's figures, as its own page draws them.
  function drawSizes(told) {
    if (!told) return renew(sizes);
    const points = told.points.map((point, at) => ({
      x: point.multiply_adds / 1e6, y: point.accuracy, name: `${number(point.size_px)} px`, label: `${number(point.size_px)} px`,
      front: told.front[at], deviation: point.deviation,
    }));
    const values = { network: told.network, seconds: number(told.budget_seconds), learnt: number(told.learnt), judged: number(told.judged), seeds: number(told.seeds) };
    return renew(sizes, h("p.quiet", t("compare_sizes", values)),
      h("div.charts.costs", plot(t("cost_multiply_adds"), points),
        h("div.scroll", h("table", h("thead", h("tr", ["size", "accuracy", "work", "time", "rate"].map((name) => h("th.num", t("run_" + name))))),
          h("tbody", told.points.map((point, at) => h("tr",
            h("td.num", `${number(point.size_px)} px`),
            h("td.num", percent(point.accuracy), point.deviation === null ? "" : ` ± ${percent(point.deviation)}`, told.front[at] ? h("span.front", { title: t("compare_on_front") }, " ◆") : ""),
            h("td.num", `${short(point.multiply_adds / 1e6)} M`),
            h("td.num", clock(point.seconds)),
            h("td.num", short(point.pictures_per_second)))))))));
  }

  async function change(path, body, word_) {
    try {
      const done = await post(path, body);
      say(t(word_, { run: done.champion }));
    } catch (error) { say(error.message, true); }
    if (!ended) load();
  }
  const promote = (run) => change("/api/promote", { id: run.id }, "compare_promoted");
  const rollback = () => change("/api/rollback", {}, "compare_rolled");

  let known;
  const off = [on("verdict", (verdict) => { const key = JSON.stringify(verdict); if (known !== key) { known = key; curves.clear(); load(); } })];
  load();
  off.push(searches(searched, () => { curves.clear(); load(); }));
  return () => { ended = true; off.forEach((f) => f()); };
}
