// One image with all there is to say of it, and all that can be done with it.
import { h } from "/dom.js";
import { renew } from "/renew.js";
import { get, query } from "/ask.js";
import { fitted, paint } from "/heat.js";
import { large, marks, name, thumbnail } from "/grid.js";
import { onActs } from "/acts.js";
import { tools } from "/selection.js";
import { t, word, number, percent } from "/words.js";

// item: {path, digest?}; step(by) gives the next of the list it comes from; classes: names of the classes.
export function details(first, step, classes = []) {
  const box = h("dialog.details", { tabIndex: -1, onclose: () => { off(); removeEventListener("keydown", key); box.remove(); } });
  const [bar, doing] = [h("div.bar"), h("div.doing")];
  let [shown, place, told] = [first, h("div.large"), h("div.about")];
  box.append(bar, h("div.both", h("div", place, doing), told));
  const acts = tools({ classes: () => classes, meant: () => [shown], clear: () => {} });
  // Decided here: on to the next one, or back.
  const off = onActs(({ moved, isUndone }) => {
    if (!moved.length) return;
    if (isUndone) { const back = moved.find(([, to]) => name(to) === name(shown.path)); if (back) show({ ...shown, path: back[1] }); return; }
    if (!moved.some(([from]) => from === shown.path)) return;
    const other = step?.(1);
    if (other && other.path !== shown.path) show(other); else box.close();
  });
  async function show(one) {
    shown = one;
    const [image, about_] = [h("div.large"), h("div.about", h("p.quiet", "…"))];
    place.replaceWith(image);
    told.replaceWith(about_);
    [place, told] = [image, about_];
    renew(bar, h("b", name(one.path)), one.class ? h("span.tag", one.class) : "", h("span.grow"),
      step ? [h("button", { "data-act": "before", "aria-label": t("key_before"), onclick: () => go(-1) }, "←"), h("button", { "data-act": "after", "aria-label": t("key_after"), onclick: () => go(1) }, "→")] : "",
      h("button", { "data-act": "close", onclick: () => box.close(), "aria-label": t("close") }, "✕"));
    renew(doing, acts.buttons(one));
    if (box.open && !box.contains(document.activeElement)) box.focus({ preventScroll: true });
    const which = one.digest ? { digest: one.digest } : { path: one.path };
    let known;
    try {
      known = await get(one.digest ? `/api/picture/${one.digest}` : `/api/picture?${query(which)}`);
    } catch (error) {
      if (shown === one) told.replaceChildren(h("p.bad", error.message));
      return;
    }
    if (shown !== one) return;
    const { box: whole, layer } = fitted(large(one), known.width, known.height, name(one.path));
    place.replaceWith(whole);
    place = whole;
    told.replaceChildren(...about(known, { one, layer, show, heat: (label) => get(`/api/heat?${query({ ...which, class: label })}`) }));
  }
  const go = (by) => { const other = step?.(by); if (other) show(other); };
  function key(event) {
    if (!box.open || document.querySelector("dialog.asks") || event.target.closest?.("input")) return;
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (by) go(by);
    else if (!acts.key(event)) return;
    event.preventDefault();
    event.stopPropagation();
  }
  addEventListener("keydown", key, true);
  document.body.append(box);
  box.showModal();
  show(first);
  return box;
}

// What is known of an image. layer: where the heat is painted; heat(class) asks for it; show(other) opens a neighbour.
export function about(told, { one = {}, layer, heat, show }) {
  const strip = (title, all, say_, more = "") => all.length ? [h("h3", title, " ", more), h("div.strip", all.map((each) =>
    h("button", { title: each.path, onclick: () => show(each) }, h("img", { src: thumbnail(each), alt: name(each.path), loading: "lazy" }), h("span", each.class ?? "–"), h("small", say_(each.near)))))] : [];
  const similar = one.digest ? h("a", { href: `#images?${query({ like: one.digest })}`, onclick: () => document.querySelector("dialog.details")?.close() }, t("image_similar")) : "";
  const held = one.predicted;
  return [
    told.prediction ? scores(told.prediction, layer, heat) : h("p.quiet", told.problem || t("image_no_champion")),
    held ? h("p.quiet.held", t("image_held_out", { name: held.class, p: percent(held.probability) })) : "",
    told.files.length ? [h("h3", t("image_files")),
      h("ul.plain", told.files.map((file) => h("li", file.path, " ", h("span.tag", t("split_" + file.split)), " ", marks(file))))]
      : one.path ? [h("h3", t("image_files")), h("ul.plain", h("li", one.path))] : [],
    h("p.quiet", { title: told.scores.map(([each, score]) => `${word("score", each)} ${score.toFixed(2)}`).join(" · ") }, `${number(told.width)} × ${number(told.height)} px`),
    strip(t("image_by_embedding"), told.by_embedding, (cosine) => cosine.toFixed(2), similar),
    strip(t("image_by_hash"), told.by_hash, (bits) => t("image_bits", { n: bits })),
  ].flat(3);
}

// A class is a button that shows what supports it, where the model can tell.
function scores(prediction, layer, heat) {
  let on = null;
  const note = h("p.note", { role: "status" });
  const tell = (text, isProblem = false) => { note.textContent = text; note.className = isProblem ? "note missing" : "note quiet"; };
  const rows = prediction.classes.slice(0, 8).map((score) => {
    const bar = h("i");
    bar.style.width = `${100 * score.probability}%`;
    const told = [h("span", score.class), h("div", bar), h("b", percent(score.probability))];
    return h("button.score", { "aria-pressed": "false", title: t("image_heat"), onclick: () => press(score.class) }, told);
  });
  async function press(label) {
    on = on === label ? null : label;
    rows.forEach((row, at) => row.setAttribute("aria-pressed", String(prediction.classes[at].class === on)));
    tell(t("image_heat_how"));
    paint(layer, null);
    if (!on) return;
    let found = null;
    let why = t("image_heat_none", { class: label });
    try { found = await heat(label); } catch (error) { why = error.message; }
    if (on !== label) return;
    // A map without any heat would look like no map at all: it is said instead.
    if (found?.values.some((value) => value > 0)) { paint(layer, found); tell(t("image_heat_of", { class: label })); } else tell(why, true);
  }
  tell(t("image_heat_how"));
  const novel = prediction.is_novel ? h("p.note.missing", t("image_novel")) : "";
  return h("div.scores", h("h3", { title: prediction.model }, t("image_says")), novel, rows, note);
}
