// Try: a picture of one's own, and the inbox by mood.
import { h, say } from "/dom.js";
import { get, query, send } from "/ask.js";
import { on } from "/live.js";
import { t, number, percent } from "/words.js";
import { about, details, grid, name } from "/pictures.js";
import { fitted, paint } from "/heat.js";

export const keys = () => [["← ↑ → ↓", t("keys_move")], ["Enter", t("keys_open")]];

export function show(root, parameters) {
  let mood = parameters.get("mood") || "";
  let shown;
  const file = h("input", { type: "file", accept: "image/*", className: "unseen", onchange: () => file.files[0] && look(file.files[0]) });
  const zone = h("button.drop", { onclick: () => file.click() }, h("b", t("try_drop")), h("span.quiet", t("try_private")));
  const result = h("div.result");
  const chips = h("div.chips");
  const count = h("p.quiet", { role: "status" });
  const found = grid({
    fetch: async (from, n) => {
      const page = await get(`/api/mood?class=${encodeURIComponent(mood)}&from=${from}&count=${n}`);
      moods(page);
      return { total: page.total, items: page.items.map((one) => ({ ...one, class: percent(one.probability) })) };
    },
    open: (item) => details(item, found.next),
    mark: (one) => h("span.quiet", name(one.path)),
  });
  root.append(
    h("section.card.wide", h("h2", t("try_one")), zone, file, result),
    h("section.card.wide", h("h2", t("try_mood")), h("p.quiet", t("try_mood_how")), chips, count),
    h("div.wide", found.box));

  function moods(page) {
    count.textContent = page.classes.length ? (mood ? t("try_found", { n: number(page.total) }) : t("try_choose")) : t("try_nothing");
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
    events.forEach(([type, f]) => removeEventListener(type, f));
    removeEventListener("paste", paste);
    if (shown) URL.revokeObjectURL(shown);
  };
}
