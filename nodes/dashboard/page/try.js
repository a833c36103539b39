// Try: images of one's own, and unlabelled ones by class.
import { h } from "/dom.js";
import { renew } from "/renew.js";
import { get, query, send } from "/ask.js";
import { on } from "/live.js";
import { classNames, onActs, pickClass } from "/acts.js";
import { say } from "/toast.js";
import { t, number, percent } from "/words.js";
import { grid } from "/grid.js";
import { about, details } from "/details.js";
import { keys as actKeys, selection } from "/selection.js";
import { fitted } from "/heat.js";
import { dropped, picked, upload } from "/upload.js";

// Images that are tried at once.
const MOST = 100;

export const keys = () => [["← ↑ → ↓", t("keys_move")], ["Enter", t("keys_open")], ["Space", t("keys_choose")], ...actKeys()];

export function show(root, parameters, ready) {
  let wanted = parameters.get("class") || parameters.get("mood") || "";
  let [names, waiting, shown, ended] = [[], 0, [], false];
  const file = h("input", { type: "file", accept: "image/*", multiple: true, className: "unseen", tabIndex: -1, "aria-hidden": "true", onchange: async () => look(await picked(file.files)) });
  const zone = h("button.drop", { onclick: () => file.click() }, h("b", t("try_drop")), h("span.quiet", t("try_private")));
  const result = h("div.result");
  const chips = h("div.chips");
  const count = h("p.quiet", { role: "status" });
  const by = h("p.quiet");
  const found = grid({
    fetch: async (from, n) => {
      const page = await get(`/api/mood?class=${encodeURIComponent(wanted)}&from=${from}&count=${n}`);
      choices(page);
      ready();
      return { total: page.total, items: page.items.map((one) => ({ path: one.path, class: null, predicted: { class: wanted, probability: one.probability } })) };
    },
    open: (item) => details(item, found.next, names),
    className: "acts",
  });
  const act = selection(found, () => names, { isAlways: true });
  root.append(
    h("section.card.wide", h("h2", t("try_one")), zone, file, result),
    h("section.card.wide", h("h2", t("try_mood")), h("p.quiet", t("try_mood_how")), chips, count, by),
    h("div.wide", found.box), act.bar);

  function choices(page) {
    count.textContent = page.classes.length ? (wanted ? t("try_found", { n: number(page.total) }) : t("try_choose")) : t("try_nothing");
    renew(by, told(page).map((line) => [line, h("br")]));
    clearTimeout(waiting);
    // The pool is being looked at: what comes of it is there soon.
    if (page.pool.busy) waiting = setTimeout(() => found.reload(), 700);
    const choose = (one) => { wanted = one; history.replaceState(null, "", `#try?${query({ class: wanted })}`); found.reload(); };
    renew(chips, page.classes.map((one) => h("button.chip", { "data-class": one, "aria-pressed": String(one === wanted), onclick: () => choose(one) }, one)));
  }

  // How many have an answer, and what is missing.
  function told({ inbox, pool }) {
    return [
      inbox ? t("try_by_inbox", { n: number(inbox) }) : "",
      pool.known ? t("try_by_pool", { n: number(pool.known) }) : "",
      pool.unknown ? t(pool.model ? "try_unknown" : "try_by_nothing", { n: number(pool.unknown) }) : "",
      pool.busy ? t("try_busy") : "",
    ].filter(Boolean);
  }

  // Keeps what was tried, in a class.
  async function keep(one) {
    const to = await pickClass(t("pick_title_one", { name: one.name }), names);
    if (to) upload([{ file: one, folder: "" }], () => to);
  }
  const keepButton = (one) => h("button.small-button", { "data-act": "keep", onclick: () => keep(one) }, t("try_keep"));

  async function look(all) {
    shown.forEach((url) => URL.revokeObjectURL(url));
    shown = [];
    const some = all.map((one) => one.file).slice(0, MOST);
    if (!some.length) return;
    result.replaceChildren(h("p.quiet", "…"));
    if (some.length === 1) return single(some[0]);
    const rows = h("tbody");
    result.replaceChildren(h("div.scroll", h("table", h("tbody", rows))));
    for (const one of some) {
      if (ended) return;
      try {
        const [told, image] = await Promise.all([send("/api/try", one), send("/api/try/large", one)]);
        const url = URL.createObjectURL(image);
        shown.push(url);
        const [first, second] = told.prediction?.classes ?? [];
        rows.append(h("tr", h("td", h("img.thumb", { src: url, alt: one.name })), h("td", one.name),
          h("td", first ? [h("b", first.class), ` ${percent(first.probability, 0)}`, told.prediction.is_novel ? h("div.quiet", t("image_novel")) : ""] : told.problem || t("image_no_champion")),
          h("td.quiet", second ? `${second.class} ${percent(second.probability, 0)}` : ""), h("td", keepButton(one))));
      } catch (error) { rows.append(h("tr", h("td"), h("td", one.name), h("td.bad", { colSpan: 3 }, error.message))); }
    }
  }

  async function single(one) {
    try {
      const [told, image] = await Promise.all([send("/api/try", one), send("/api/try/large", one)]);
      shown.push(URL.createObjectURL(image));
      const { box, layer } = fitted(shown[0], told.width, told.height, one.name);
      const heat = (label) => send(`/api/try/heat?${query({ class: label })}`, one);
      result.replaceChildren(h("div.both", h("div", box, h("div.doing", keepButton(one))), h("div.about", about(told, { layer, heat, show: (other) => details(other, null, names) }))));
    } catch (error) {
      result.replaceChildren();
      say(error.message, true);
    }
  }

  const over = (event) => { event.preventDefault(); zone.classList.toggle("over", event.type === "dragover"); };
  const drop = async (event) => { over(event); if (event.dataTransfer) look(await dropped(event.dataTransfer)); };
  const events = [["dragover", over], ["dragleave", over], ["drop", drop]];
  events.forEach(([type, f]) => addEventListener(type, f));
  const paste = (event) => { const files = [...(event.clipboardData?.files || [])]; if (files.length) look(files.map((one) => ({ file: one, folder: "" }))); };
  addEventListener("paste", paste);
  classNames().then((all) => { names = all; });
  found.reload();
  let known;
  const off = [
    on("verdict", (verdict) => { const key = JSON.stringify(verdict); if (known && known !== key) found.reload(); known = key; }),
    onActs(() => { found.reload(); classNames().then((all) => { names = all; }); }),
  ];
  return () => {
    ended = true;
    off.forEach((f) => f()); act.end(); found.end();
    clearTimeout(waiting);
    events.forEach(([type, f]) => removeEventListener(type, f));
    removeEventListener("paste", paste);
    shown.forEach((url) => URL.revokeObjectURL(url));
  };
}
