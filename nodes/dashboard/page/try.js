// Try: a picture of one's own, and what nobody has labelled by mood.
import { h, say } from "/dom.js";
import { get, post, query, send } from "/ask.js";
import { on } from "/live.js";
import { t, number, percent } from "/words.js";
import { about, details, grid, name } from "/pictures.js";
import { fitted } from "/heat.js";

export const keys = () => [
  ["← ↑ → ↓", t("keys_move")], ["Enter", t("keys_open")], ["Space", t("keys_choose")],
  ["A", t("try_key_accept")], ["1 – 9", t("key_class")], ["U", t("key_undo")],
];

export function show(root, parameters, ready) {
  let mood = parameters.get("mood") || "";
  let shown;
  const file = h("input", { type: "file", accept: "image/*", className: "unseen", tabIndex: -1, "aria-hidden": "true", onchange: () => file.files[0] && look(file.files[0]) });
  const zone = h("button.drop", { onclick: () => file.click() }, h("b", t("try_drop")), h("span.quiet", t("try_private")));
  const result = h("div.result");
  const chips = h("div.chips");
  const count = h("p.quiet", { role: "status" });
  const by = h("p.quiet");
  const answers = h("div.classes");
  const found = grid({
    fetch: async (from, n) => {
      const page = await get(`/api/mood?class=${encodeURIComponent(mood)}&from=${from}&count=${n}`);
      moods(page);
      ready();
      return { total: page.total, items: page.items.map((one) => ({ ...one, class: percent(one.probability) })) };
    },
    open: (item) => details(item, found.next),
    className: "acts",
    mark: (one) => h("span.quiet", t("try_in", { place: one.path.split("/")[0], name: name(one.path) })),
  });
  root.append(
    h("section.card.wide", h("h2", t("try_one")), zone, file, result),
    h("section.card.wide", h("h2", t("try_mood")), h("p.quiet", t("try_mood_how")), chips, count, by, answers),
    h("div.wide", found.box));

  let [classes, waiting, busy] = [[], 0, Promise.resolve()];

  function moods(page) {
    classes = page.classes;
    count.textContent = classes.length ? (mood ? t("try_found", { n: number(page.total) }) : t("try_choose")) : t("try_nothing");
    by.replaceChildren(...judged(page).flatMap((line) => [line, h("br")]));
    answers.replaceChildren(...(mood && page.total ? [button("A", t("decide_move_to", { to: mood }), mood, ".main"),
      ...classes.slice(0, 9).map((one, n) => button(String(n + 1), one, one)),
      h("button", { onclick: undo }, h("kbd", "U"), " ", t("decide_undo"))] : []));
    clearTimeout(waiting);
    // The pool is being looked at: what comes of it is there soon.
    if (page.pool.busy) waiting = setTimeout(() => found.reload(), 700);
    if (chips.contains(document.activeElement) && chips.childNodes.length) {
      chips.childNodes.forEach((chip) => chip.setAttribute("aria-pressed", String(chip.dataset.mood === mood)));
      return;
    }
    chips.replaceChildren(...page.classes.map((one) => {
      const chip = h("button.chip", { "aria-pressed": String(one === mood), onclick: () => { mood = one; history.replaceState(null, "", `#try?${query({ mood })}`); found.reload(); } }, one);
      chip.dataset.mood = one;
      return chip;
    }));
  }

  // By what the pictures were judged, and what is missing.
  function judged({ inbox, pool }) {
    const lines = [inbox ? t("try_by_inbox", { n: number(inbox) }) : ""];
    const values = { n: number(pool.known), learnt: number(pool.by?.learnt), right: percent(pool.by?.accuracy, 0) };
    if (pool.known && pool.by) lines.push([t(`try_by_${pool.by.kind}`, values), pool.by.accuracy === null ? "" : t("try_by_right", values)].join(t("gap")));
    if (pool.known && !pool.by) lines.push(t("try_by_nothing", values));
    if (pool.unknown) lines.push(t("try_unknown", { n: number(pool.unknown) }));
    if (pool.busy) lines.push(t("try_busy"));
    return lines.filter(Boolean);
  }

  const button = (key, text, label, kind = "") => h("button" + kind, { onclick: () => accept(label) }, h("kbd", key), " ", text);

  // One after the other; the next picture takes the place of the one that went.
  const change = (path, body, told) => {
    busy = busy.then(async () => {
      try {
        const done = await post(path, body);
        say([told(done), ...done.problems].join("\n"), done.problems.length > 0);
      } catch (error) { say(error.message, true); }
      found.reload();
    });
  };
  function accept(label) {
    const some = found.chosen.size ? [...found.chosen.values()] : [found.at()].filter(Boolean);
    if (!mood || !some.length) return;
    found.chosen.clear();
    change("/api/decide", { acts: some.map((one) => ({ label: { path: one.path, class: label } })) },
      (done) => t("try_moved", { n: number(done.moved.length), to: label }));
  }
  const undo = () => change("/api/undo", {}, (done) => t("decide_undone", { n: number(done.moved.length) }));

  function key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.("input, select, dialog")) return;
    const k = event.key.toLowerCase();
    if (k === "a") accept(mood);
    else if (k === "u") undo();
    else if (/^[1-9]$/.test(k) && classes[k - 1]) accept(classes[k - 1]);
    else return;
    event.preventDefault();
  }
  addEventListener("keydown", key);

  async function look(one) {
    if (shown) URL.revokeObjectURL(shown);
    result.replaceChildren(h("p.quiet", "…"));
    try {
      const [told, picture] = await Promise.all([send("/api/try", one), send("/api/try/large", one)]);
      shown = URL.createObjectURL(picture);
      const { box, layer } = fitted(shown, told.width, told.height, one.name);
      const heat = (label) => send(`/api/try/heat?${query({ class: label })}`, one);
      result.replaceChildren(h("div.both", box, h("div.about", about(told, { layer, heat, show: (other) => details(other) }))));
    } catch (error) {
      result.replaceChildren();
      say(error.message, true);
    }
  }

  const over = (event) => { event.preventDefault(); zone.classList.toggle("over", event.type === "dragover"); };
  const drop = (event) => { over(event); const one = event.dataTransfer?.files?.[0]; if (one) look(one); };
  const events = [["dragover", over], ["dragleave", over], ["drop", drop]];
  events.forEach(([type, f]) => addEventListener(type, f));
  const paste = (event) => { const one = event.clipboardData?.files?.[0]; if (one) look(one); };
  addEventListener("paste", paste);
  found.reload();
  let known;
  const off = on("verdict", (verdict) => { const key = JSON.stringify(verdict); if (known && known !== key) found.reload(); known = key; });
  return () => {
    off(); found.end();
    clearTimeout(waiting);
    removeEventListener("keydown", key);
    events.forEach(([type, f]) => removeEventListener(type, f));
    removeEventListener("paste", paste);
    if (shown) URL.revokeObjectURL(shown);
  };
}
