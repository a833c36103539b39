// Images: those of the data set and of every other folder; filters that go together, an order, and acts on what is chosen.
import { h } from "/dom.js";
import { renew } from "/renew.js";
import { get, query } from "/ask.js";
import { on } from "/live.js";
import { t, word, number } from "/words.js";
import { grid } from "/grid.js";
import { map } from "/map.js";
import { details } from "/details.js";
import { classNames, onActs } from "/acts.js";
import { keys as actKeys, selection } from "/selection.js";

const PLACES = ["", "inbox", "pool", "seeds", "review", "trash"];
const SORTS = ["doubt", "class", "name", "newest", "largest", "smallest"];
// Days as the server understands them. Cameras write the time on their clocks, which is read as UTC.
const DAY_MS = 86400000;
const span = ({ dated, since, until }) => {
  const ms = (day) => Date.parse(`${day}T00:00${dated === "taken" ? "Z" : ""}`);
  return { dated, since_ms: since ? ms(since) : "", until_ms: until ? ms(until) + DAY_MS : "" };
};
// Shorter sides, pixels.
const SIZES = [["", ""], ["0", "127"], ["128", "511"], ["512", ""]];
const NAMES = ["class", "split", "flag", "name", "min_px", "max_px", "dated", "since", "until", "place", "sort", "like", "run", "truth", "prediction"];
const DATES = ["added", "taken"];
const TYPING_MS = 250;

export const keys = () => [["← ↑ → ↓", t("keys_move")], ["Enter", t("keys_open")], ["Space", t("keys_choose")], ["Ctrl A", t("keys_all")], ["Esc", t("keys_none")], ...actKeys(), ["/", t("look_search")]];

export function show(root, parameters, ready) {
  const filter = Object.fromEntries(NAMES.map((each) => [each, parameters.get(each) || ""]));
  const isData = !filter.place;
  let classes = [];
  // Number of the catalog view that is shown, and of the newest there is.
  let [shown, known] = [undefined, undefined];
  const follow = () => { if (isData && shown !== undefined && known && shown !== known) { shown = known; all.reload(); } };
  const count = h("span.quiet", { role: "status" });
  const matrix = h("div.matrix");
  const all = grid({
    fetch: async (from, n) => {
      const { dated, since, until, ...rest } = filter;
      const page = await get(`/api/pictures?${query({ ...rest, ...span({ dated, since, until }), from, count: n })}`);
      shown = page.generation;
      if (page.choices) choices(page);
      ready();
      // The catalog view may have become another while this page of it was on its way.
      if (!page.whole) setTimeout(follow);
      return page;
    },
    open: (item) => details(item, all.next, classes),
  });
  const act = selection(all, () => classes);
  const address = (changed) => `images?${query({ ...filter, ...changed })}`;
  const go = (changed) => { location.hash = address(changed); };
  const select = (title, value, values, say, change) => h("label", h("span", title), h("select", { onchange: (event) => change(event.target.value) },
    values.map((each) => h("option", { value: each, selected: each === value }, say(each)))));

  const day = (which) => h("input", { type: "date", value: filter[which], "aria-label": t(`look_${which}`), "data-date": which, onchange: (event) => go({ [which]: event.target.value }) });

  let typing;
  const search = h("input", { type: "search", value: filter.name, placeholder: t("look_search"), "aria-label": t("look_search"), oninput: () => {
    clearTimeout(typing);
    typing = setTimeout(() => { filter.name = search.value.trim(); history.replaceState(null, "", `#${address({})}`); all.reload(true); }, TYPING_MS);
  } });
  const counted = h("span.counted");
  const chips = h("div.chips");
  const none = h("p.wide.quiet", { hidden: true });
  const bar = h("div.filters",
    select(t("look_place"), filter.place, PLACES, (place) => t(`place_${place || "photos"}`), (place) => { location.hash = `images?${query({ place })}`; }),
    search, counted,
    isData ? select(t("look_size"), `${filter.min_px}-${filter.max_px}`, SIZES.map(([low, high]) => `${low}-${high}`),
      (value) => { const [low, high] = value.split("-"); return !low && !high ? t("look_all") : high ? (low === "0" ? t("size_below", { n: 128 }) : `${low}–${high} px`) : t("size_above", { n: low }); },
      (value) => { const [low, high] = value.split("-"); go({ min_px: low, max_px: high }); }) : "",
    isData ? h("span.dates", select(t("look_date"), filter.dated || DATES[0], DATES, (each) => t(`dated_${each}`), (each) => go({ dated: each === DATES[0] ? "" : each })), day("since"), "–", day("until")) : "",
    filter.like ? "" : select(t("look_sort"), filter.sort || SORTS[0], isData ? SORTS : ["name", "newest"], (each) => t(`sort_${each}`), (each) => go({ sort: each === SORTS[0] ? "" : each })),
    count, chips);

  // Why there is nothing, and the way on.
  function nothing(page) {
    const filters = NAMES.filter((each) => !["place", "sort"].includes(each) && filter[each]);
    none.hidden = page.total > 0 || !page.whole;
    renew(none, filters.length
      ? [t("look_nothing"), " ", h("button.small-button", { onclick: () => { location.hash = `images?${query({ place: filter.place })}`; } }, t("look_show_all"))]
      : [t("look_empty"), " ", isData ? h("a", { href: "#home" }, t("classes_add")) : ""]);
  }

  function choices(page) {
    nothing(page);
    count.textContent = t(page.whole ? "look_count" : "look_reading", { n: number(page.total) });
    const { class: byClass, split, flag } = page.choices;
    const sorted = (of) => Object.keys(of).sort(new Intl.Collator(undefined, { numeric: true }).compare);
    const with_ = (value, values) => (value && !values.includes(value) ? [...values, value] : values);
    if (isData) {
      renew(counted,
        select(t("look_class"), filter.class, ["", ...with_(filter.class, sorted(byClass))], (each) => (each ? `${each} (${number(byClass[each] || 0)})` : t("look_all")), (each) => go({ class: each })),
        select(t("look_split"), filter.split, ["", ...with_(filter.split, sorted(split))], (each) => (each ? `${t("split_" + each)} (${number(split[each] || 0)})` : t("look_all")), (each) => go({ split: each })));
    }
    const flags = filter.flag.split(",").filter(Boolean);
    const toggled = (each) => (flags.includes(each) ? flags.filter((one) => one !== each) : [...flags, each]).join(",");
    renew(chips,
      flag.filter(([each, n]) => n || flags.includes(each)).map(([each, n]) =>
        h("button.chip." + each, { "data-key": each, "aria-pressed": String(flags.includes(each)), onclick: () => go({ flag: toggled(each) }) }, word("flag", each), " ", h("b", number(n)))),
      filter.run ? h("button.chip", { "data-key": "run", "aria-pressed": "true", onclick: () => go({ run: "", truth: "", prediction: "" }) }, t("look_cell", { truth: filter.truth || t("look_all"), prediction: filter.prediction || t("look_all") }), " ✕") : "",
      filter.like ? h("button.chip", { "data-key": "like", "aria-pressed": "true", onclick: () => go({ like: "" }) }, t("look_like"), " ✕") : "");
  }

  const fold = h("details.card.wide", h("summary", t("look_matrix")), matrix);
  fold.addEventListener("toggle", () => fold.open && !matrix.childNodes.length && showMatrix(matrix, filter));
  if (filter.run) fold.open = true;
  const place = h("div");
  const mapped = h("details.card.wide", { id: "map" }, h("summary", t("map")), place);
  mapped.addEventListener("toggle", () => mapped.open && !place.childNodes.length && map(place, { choose: all.take, open: (item) => details(item, null, classes) }));
  root.append(...[h("div.wide.sticky", bar), isData && !filter.like ? [fold, mapped] : [], none, h("div.wide", all.box), act.bar].flat());
  all.reload(true);
  classNames().then((names) => { classes = names; });
  const off = [
    on("album", (generation) => { known = generation; follow(); }),
    onActs(({ moved, isUndone }) => {
      // Folders are there at once, the data set when it has seen them.
      if (isUndone) all.back(moved.map(([, to]) => to));
      else for (const [path, to] of moved) all.went([path], to.startsWith("trash/") ? t("tile_trashed") : t("tile_moved", { to: to.split("/").slice(-2)[0] }));
      if (!isData) all.reload();
      classNames().then((names) => { classes = names; });
    }),
  ];
  const key = (event) => { if (event.key === "/" && !event.target.closest?.("input, dialog")) { search.focus(); event.preventDefault(); } };
  addEventListener("keydown", key);
  return () => { off.forEach((f) => f()); act.end(); all.end(); clearTimeout(typing); removeEventListener("keydown", key); };
}

export async function showMatrix(box, filter) {
  const matrix = await get(`/api/confusion?${query({ run: filter.run })}`);
  if (!matrix) return box.replaceChildren(h("p.quiet", t("look_no_matrix")));
  const { classes, counts } = matrix;
  const cell = (truth, prediction, n, of) => {
    const share = of ? n / of : 0;
    const to = `#images?${query({ run: matrix.run, truth: classes[truth], prediction: classes[prediction] })}`;
    const is = filter.truth === classes[truth] && filter.prediction === classes[prediction];
    const inside = n ? h("a", { href: to, "aria-current": is ? "true" : null, title: `${classes[truth]} → ${classes[prediction]}: ${n}` }, number(n)) : h("span", "·");
    const td = h(truth === prediction ? "td.right" : "td.wrong", inside);
    td.style.setProperty("--share", share.toFixed(3));
    return td;
  };
  return box.replaceChildren(
    h("p.quiet", t("look_matrix_of", { run: matrix.run })),
    h("div.scroll", h("table.confusion",
      h("thead", h("tr", h("th", t("look_truth_prediction")), classes.map((each) => h("th.up", h("span", each))))),
      h("tbody", counts.map((row, truth) => {
        const of = row.reduce((a, b) => a + b, 0);
        return h("tr", h("th", classes[truth]), row.map((n, prediction) => cell(truth, prediction, n, of)));
      })))));
}

