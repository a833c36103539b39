// Two models beside each other: recall by class, and the images that they differ on.
import { h } from "/dom.js";
import { renew } from "/renew.js";
import { get, query } from "/ask.js";
import { details } from "/details.js";
import { classNames } from "/acts.js";
import { name, thumbnail } from "/grid.js";
import { t, number, percent, figure } from "/words.js";

export async function pair(box, ids) {
  if (ids.length < 2) return renew(box, h("p.quiet", t("pair_choose")));
  const [a, b] = ids;
  const found = await get(`/api/pair?${query({ a, b })}`);
  if (!found) return renew(box, h("p.quiet", t("pair_unjudged")));
  const classes = await classNames();
  const cell = (recall) => h("td.num", recall ? [percent(recall.value, 0), " ", h("small.quiet", t("classes_interval", { low: percent(recall.interval[0], 0), high: percent(recall.interval[1], 0), n: number(recall.images) }))] : "–");
  const points = ([one, other]) => {
    if (!one || !other) return h("td.num.quiet", "–");
    const by = Math.round(100 * (one.value - other.value));
    return h("td.num", { className: by > 0 ? "num better" : by < 0 ? "num bad" : "num quiet" }, by > 0 ? `+${by}` : by < 0 ? `−${-by}` : "0");
  };
  const table = h("div.scroll", h("table",
    h("thead", h("tr", h("th", t("look_class")), h("th.num", a), h("th.num", b), h("th.num", t("pair_points")))),
    h("tbody", found.classes.map((one) => h("tr", h("th", one.class), cell(one.recall[0]), cell(one.recall[1]), points(one.recall))))));
  const open = (one, all) => { let at = all.indexOf(one); details(one, (by) => all[(at = Math.max(0, Math.min(all.length - 1, at + by)))], classes); };
  const strip = (which) => {
    const all = found.differ[which];
    return [h("h3", t("pair_alone", { run: ids[which], n: number(found.alone[which]) })), h("div.strip", all.map((one) =>
      h("button", { "data-path": one.path, title: one.path, onclick: () => open(one, all) }, h("img", { src: thumbnail(one), alt: name(one.path), loading: "lazy" }), h("span", one.class ?? "–"), h("small", `→ ${one.said[1 - which]}`))))];
  };
  return renew(box,
    h("p", t("pair_images", { n: number(found.images), both: number(found.both), a: number(found.alone[0]), b: number(found.alone[1]) }), " ",
      found.p_value === null ? "" : h("span.quiet", t(found.p_value < 0.05 ? "pair_differs" : "pair_same", { p: figure(found.p_value) }))),
    table, strip(0), strip(1));
}
