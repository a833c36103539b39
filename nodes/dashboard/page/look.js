// Look: the data set, what needs eyes first; filters; the confusion matrix.
import { h } from "/dom.js";
import { get, query } from "/ask.js";
import { on } from "/live.js";
import { t, word, number, percent } from "/words.js";
import { details, grid } from "/pictures.js";

export const keys = () => [["← ↑ → ↓", t("keys_move")], ["Enter", t("keys_open")], ["Space", t("keys_choose")], ["Esc", t("close")]];

export function show(root, parameters, ready) {
  const filter = Object.fromEntries(["class", "split", "flag", "run", "truth", "prediction"].map((name) => [name, parameters.get(name) || ""]));
  const bar = h("div.filters");
  // Number of the album that is shown, and of the newest there is.
  let [shown, known] = [undefined, undefined];
  const renew = () => { if (shown !== undefined && known && shown !== known) { shown = known; all.reload(); } };
  const count = h("span.quiet", { role: "status" });
  const matrix = h("div.matrix");
  const all = grid({
    fetch: async (from, n) => {
      const page = await get(`/api/pictures?${query({ ...filter, from, count: n })}`);
      shown = page.generation;
      if (page.choices) choices(page);
      ready();
      // The album may have become another while this page of it was on its way.
      if (!page.whole) setTimeout(renew);
      return page;
    },
    open: (item) => details(item, all.next),
  });
  const go = (name, value) => { location.hash = `look?${query({ ...filter, [name]: value })}`; };
  const select = (name, title, counts, say) => {
    const values = Object.keys(counts).sort(new Intl.Collator(undefined, { numeric: true }).compare);
    if (filter[name] && !values.includes(filter[name])) values.push(filter[name]);
    return h("label", h("span", title), h("select", { onchange: (event) => go(name, event.target.value) },
      h("option", { value: "" }, t("look_all")),
      values.map((value) => h("option", { value, selected: value === filter[name] }, `${say(value)} (${number(counts[value] || 0)})`))));
  };
  function choices(page) {
    const focused = bar.contains(document.activeElement);
    count.textContent = t(page.whole ? "look_count" : "look_reading", { n: number(page.total) });
    if (focused) return;
    bar.replaceChildren(
      select("class", t("look_class"), page.choices.class, (value) => value || "–"),
      select("split", t("look_split"), page.choices.split, (value) => t("split_" + value)),
      h("div.chips", page.choices.flag.filter(([flag, n]) => n || flag === filter.flag).map(([flag, n]) =>
        h("button.chip." + flag, { "aria-pressed": String(flag === filter.flag), onclick: () => go("flag", flag === filter.flag ? "" : flag) }, word("flag", flag), " ", h("b", number(n))))),
      filter.run ? h("button.chip", { "aria-pressed": "true", onclick: () => { location.hash = "look"; } }, t("look_cell", { truth: filter.truth || t("look_all"), prediction: filter.prediction || t("look_all") }), " ✕") : "",
      count);
  }
  const fold = h("details.card.wide", h("summary", t("look_matrix")), matrix);
  fold.addEventListener("toggle", () => fold.open && !matrix.childNodes.length && showMatrix(matrix, filter));
  if (filter.run) { fold.open = true; }
  const classes = h("div.matrix");
  const more = h("details.card.wide", h("summary", t("look_forecast")), classes);
  more.addEventListener("toggle", () => more.open && showForecast(classes));
  root.append(h("div.wide.sticky", bar), fold, more, h("div.wide", all.box));
  all.reload(true);
  const off = on("album", (generation) => { known = generation; renew(); });
  return () => { off(); all.end(); };
}

async function showMatrix(box, filter) {
  const matrix = await get(`/api/confusion?${query({ run: filter.run })}`);
  if (!matrix) return box.replaceChildren(h("p.quiet", t("look_no_matrix")));
  const { classes, counts } = matrix;
  const cell = (truth, prediction, n, of) => {
    const share = of ? n / of : 0;
    const to = `#look?${query({ run: matrix.run, truth: classes[truth], prediction: classes[prediction] })}`;
    const is = filter.truth === classes[truth] && filter.prediction === classes[prediction];
    const inside = n ? h("a", { href: to, "aria-current": is ? "true" : null, title: `${classes[truth]} → ${classes[prediction]}: ${n}` }, number(n)) : h("span", "·");
    const td = h(truth === prediction ? "td.right" : "td.wrong", inside);
    td.style.setProperty("--share", share.toFixed(3));
    return td;
  };
  return box.replaceChildren(
    h("p.quiet", t("look_matrix_of", { run: matrix.run })),
    h("div.scroll", h("table.confusion",
      h("thead", h("tr", h("th", t("look_truth_prediction")), classes.map((name) => h("th.up", h("span", name))))),
      h("tbody", counts.map((row, truth) => {
        const of = row.reduce((a, b) => a + b, 0);
        return h("tr", h("th", classes[truth]), row.map((n, prediction) => cell(truth, prediction, n, of)));
      })))));
}

// What more images of each class would bring, a row a class.
async function showForecast(box) {
  const forecasts = await get("/api/forecast");
  if (!forecasts) return box.replaceChildren(h("p.quiet", t("look_no_forecast")));
  const expected = ({ accuracy, low, high }) => [percent(accuracy), " ", h("small.quiet", t("look_interval", { low: percent(low), high: percent(high) }))];
  const more = (forecast) => forecast
    ? [h("td", expected(forecast.twice)), h("td", expected(forecast.four_times))]
    : [h("td", { colSpan: 2 }, h("span.quiet", t("look_too_few")))];
  const taken = (list) => list.map((one) => `${one.class} ${percent(one.share, 0)}`).join(t("comma"));
  const row = (name, of, list) => h("tr", h("th", name), h("td", number(of.images)), h("td", percent(of.accuracy)), more(of.forecast), h("td", taken(list)));
  const head = ["look_class", "look_images", "look_now", "look_twice", "look_four_times", "look_taken_for"];
  return box.replaceChildren(
    h("p.quiet", t("look_forecast_how", { version: number(forecasts.version) })),
    h("div.scroll", h("table",
      h("thead", h("tr", head.map((title) => h("th", t(title))))),
      h("tbody", forecasts.classes.map((one) => row(one.class, one, one.taken_for)), row(t("look_all"), forecasts, [])))));
}
