// What was classified last, to be confirmed or corrected.
import { h } from "/dom.js";
import { renew } from "/renew.js";
import { get } from "/ask.js";
import { on } from "/live.js";
import { classNames, move, onActs, pickClass, trash } from "/acts.js";
import { details } from "/details.js";
import { name, thumbnail } from "/grid.js";
import { t, percent, moment } from "/words.js";

export function recent() {
  const list = h("ul.recent");
  const box = h("section.card", h("h2", t("recent")), h("p.quiet", t("recent_how")), list);
  let [all, classes, ended, known] = [[], [], false, ""];

  const row = (one) => {
    const [first, second] = one.classes;
    const correct = async () => { const to = await pickClass(t("pick_title_one", { name: name(one.path) }), classes); if (to) move([one.path], to); };
    return h("li", { "data-path": one.path },
      h("button.face", { title: one.path, "aria-label": t("keys_open"), onclick: () => details({ path: one.path }, null, classes) }, h("img", { src: thumbnail(one), alt: name(one.path), loading: "lazy" })),
      h("div.told", h("div", h("b", first.class), ` ${percent(first.probability, 0)}`, one.is_unsure ? h("span.tag.unsure", t("flag_unsure")) : ""),
        h("small.quiet", second ? `${second.class} ${percent(second.probability, 0)} · ` : "", name(one.path), " · ", moment(one.at_ms))),
      h("div.acts",
        h("button.small-button", { "data-act": "confirm", title: t("recent_confirm_how", { to: first.class }), onclick: () => move([one.path], first.class) }, "✓ ", first.class),
        h("button.small-button", { "data-act": "correct", onclick: correct }, t("recent_other")),
        h("button.small-button", { "data-act": "trash", "aria-label": t("act_trash"), title: t("act_trash"), onclick: () => trash([one.path]) }, "✕")));
  };

  async function load() {
    const found = await get("/api/recent");
    const text = JSON.stringify(found);
    if (ended || text === known) return;
    [known, all] = [text, found];
    renew(list, all.length ? all.map(row) : h("li.quiet", t("recent_none")));
  }
  const names = () => classNames().then((found) => { classes = found; });

  // `predict` and its inbox say when there is something new.
  let before;
  const off = [
    on("nodes", (nodes) => { const now = JSON.stringify(nodes.filter((one) => ["predict", "inbox"].includes(one.node)).map((one) => [one.received, one.through, one.state])); if (now !== before) { before = now; load(); } }),
    onActs(() => { load(); names(); }),
  ];
  names();
  return { box, ready: load(), end() { ended = true; off.forEach((f) => f()); } };
}

