// Structure searches: every attempt as a point of error against cost and as a line, and a search that is asked for.
import { h } from "/dom.js";
import { renew } from "/renew.js";
import { say } from "/toast.js";
import { get, post, query } from "/ask.js";
import { scatter } from "/chart.js";
import { t, coded, word, number, percent, clock, short } from "/words.js";

const AGAIN_MS = 5000;
const FIRST = 12;

// Draws into `box` until what it returns is called; `changed` after a promotion.
export function searches(box, changed) {
  let found = null;
  let chosen = null;
  let whole = false;
  let drawn = "";
  let timer = 0;
  let ended = false;

  async function load() {
    clearTimeout(timer);
    try {
      const now = await get(`/api/searches?${query({ id: chosen })}`);
      if (ended) return;
      found = now;
      const state = JSON.stringify([now, whole]);
      if (state !== drawn) { drawn = state; draw(); }
    } finally {
      if (!ended) timer = setTimeout(load, AGAIN_MS);
    }
  }

  function draw() {
    const { shown } = found;
    const ask = h("button", { id: "ask-search", onclick: () => form(null) }, t("searches_ask"));
    const waits = found.asked ? h("p.asked", coded(t(found.runs ? "searches_asked" : "searches_waits"))) : found.runs ? null : h("p.quiet", coded(t("searches_idle")));
    const head = h("div.row", ask, found.searches.length > 1 ? pick() : null);
    if (!shown) return renew(box, h("h2", t("searches")), h("p.quiet", t("searches_none")), head, waits);
    const front = new Set(shown.front);
    const points = shown.attempts.filter((one) => one.error !== null).map((one) => ({
      x: one.multiply_adds / 1e6, y: 1 - one.error, name: `${t("searches_own", { n: number(one.attempt) })}: ${one.change}`, front: front.has(one.attempt),
    }));
    // Those of the front first, then by their error; what has none comes last.
    const order = [...shown.attempts].sort((a, b) => front.has(b.attempt) - front.has(a.attempt) || (a.error ?? 2) - (b.error ?? 2) || a.attempt - b.attempt);
    const rows = whole ? order : order.slice(0, Math.max(FIRST, front.size));
    renew(box, h("h2", t("searches")), head, waits,
      h("p.quiet", t("searches_state", { attempts: number(shown.attempts.length), time: clock(shown.seconds) }), " · ",
        shown.finished ? t("searches_ended", { reason: shown.finished }) : t("searches_goes"), " · ", `${word("method", shown.method)}, ${word("objective", shown.objective)}`, " · ",
        h("a", { href: `/search/${encodeURIComponent(shown.search)}/report`, target: "_blank", rel: "noopener" }, t("searches_report"))),
      h("div.charts.costs", h("figure", h("figcaption", `${t("metric_accuracy")} (${t("split_validation")}) · ${t("cost_multiply_adds")}`), scatter(t("searches"), points))),
      h("p.quiet", t("searches_front")),
      h("div.scroll", h("table.attempts",
        h("thead", h("tr", h("th", t("searches_attempt")), h("th", t("searches_change")), h("th.num", t("searches_error")), h("th.num", t("run_accuracy")),
          h("th.num", t("run_work")), h("th.num", t("searches_parameters")), h("th", t("searches_outcome")), h("th"), h("th"))),
        h("tbody", rows.map((one) => row(shown.search, one, front))))),
      rows.length < order.length ? h("button", { onclick: () => { whole = true; load(); } }, t("searches_others", { n: number(order.length - rows.length) })) : "");
  }

  const pick = () => h("select", { "aria-label": t("searches"), onchange: (event) => { chosen = event.target.value; load(); } },
    found.searches.map((id) => h("option", { value: id, selected: id === found.shown?.search }, id)));

  function row(search, one, front) {
    const stem = `/search/${encodeURIComponent(search)}/networks/${String(one.attempt).padStart(4, "0")}`;
    const trained = one.outcome === "trained" || one.outcome === "stopped";
    return h("tr", { "data-key": one.attempt, title: one.reason || "" },
      h("td.num", number(one.attempt), front.has(one.attempt) ? h("span.front", { title: t("compare_on_front") }, " ◆") : ""),
      h("td", one.change, " ", h("span.quiet", one.parent === null ? t("searches_first") : t("searches_from", { n: number(one.parent) }))),
      h("td.num", percent(one.error)),
      h("td.num", percent(one.test_accuracy)),
      h("td.num", `${short(one.multiply_adds / 1e6)} M`),
      h("td.num", number(one.parameters)),
      h("td", word("outcome", one.outcome)),
      h("td", h("a", { href: `${stem}.svg`, target: "_blank", rel: "noopener" }, t("searches_drawing")), " ", h("a", { href: `${stem}.yml`, download: "" }, "YAML"),
        trained ? [["model.onnx", "ONNX"], ["model.nnp", ".nnp"]].map(([file, text]) => [" ", h("a", { href: `/export/${encodeURIComponent(one.run)}/${file}`, download: "" }, text)]) : []),
      h("td", h("div.row", trained && one.test_accuracy !== null ? h("button.promote", { "data-act": "promote", onclick: () => promote(one) }, t("compare_promote")) : "", h("button.again", { "data-act": "again", onclick: () => form([search, one.attempt]) }, t("searches_again")))));
  }

  async function promote(one) {
    try {
      const done = await post("/api/promote", { id: one.run });
      say(t("compare_promoted", { run: done.champion }));
      changed();
    } catch (error) { say(error.message, true); }
  }

  // What is to be searched for; from an attempt of an earlier search, or from a network that comes with the program.
  function form(attempt) {
    const options = (names, prefix, usual) => names.map((name) => h("option", { value: name, selected: name === usual }, prefix ? word(prefix, name) : name));
    const field = (name, control) => h("label", t("searches_" + name), " ", control);
    const choice = (id, names, prefix, usual) => h("select", { id }, options(names, prefix, usual));
    const figure = (id, value, most, step) => h("input", { id, type: "number", min: 0, max: most, step, value });
    const network = attempt ? h("b", t("searches_own", { n: number(attempt[1]) })) : choice("search-network", found.networks, "", "cnn-relu");
    const method = choice("search-method", ["gaussian-process", "random"], "method", "gaussian-process");
    const objective = choice("search-objective", ["error-and-cost", "error"], "objective", "error-and-cost");
    const attempts = figure("search-attempts", 100, 1e6, 1);
    const hours = figure("search-hours", 0, 1e5, "any");
    const epochs = figure("search-epochs", 15, 1e4, 1);
    const box = h("dialog.searching", { onclose: () => box.remove() }, h("h2", t("searches_ask")),
      h("form", { method: "dialog", onsubmit: start }, field("network", network), field("method", method), field("objective", objective),
        field("attempts", attempts), field("hours", hours), field("epochs", epochs),
        h("div.row", h("button.main", t("searches_start")), h("button", { type: "button", onclick: () => box.close() }, t("searches_cancel")))));
    async function start(event) {
      event.preventDefault();
      const wanted = { method: method.value, objective: objective.value, attempts: Number(attempts.value), hours: Number(hours.value), epochs: Number(epochs.value) };
      try {
        await post("/api/searches", attempt ? { attempt, ...wanted } : { network: network.value, ...wanted });
        box.close();
        chosen = null;
        load();
      } catch (error) { say(error.message, true); }
    }
    document.body.append(box);
    box.showModal();
  }

  load();
  return () => { ended = true; clearTimeout(timer); };
}
