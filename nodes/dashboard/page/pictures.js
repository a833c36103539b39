// Pictures in a grid of which only what can be seen is in the document, and one picture with all there is to say of it.
import { h } from "/dom.js";
import { get, query } from "/ask.js";
import { fitted, paint } from "/heat.js";
import { t, word, number, percent } from "/words.js";

export const thumbnail = (one) => (one.digest ? `/thumbnail/${one.digest}` : `/thumbnail?${query({ path: one.path })}`);
export const large = (one) => (one.digest ? `/large/${one.digest}` : `/large?${query({ path: one.path })}`);
export const name = (path) => path.split("/").pop();

const PAGE = 120;
const GAP = 8;

// options: fetch(from, count) → {total, items}, open(item, at), marked(item), tall: height below the picture
export function grid({ fetch, open, mark, className = "" }) {
  const box = h("div.grid", { tabIndex: 0, role: "listbox", "aria-label": t("look_pictures"), "aria-multiselectable": "true" });
  if (className) box.classList.add(className);
  let [total, at, columns, side, height] = [0, 0, 1, 150, 190];
  let pages = new Map();
  let epoch = 0;
  const chosen = new Map();
  const tiles = new Map();

  function measure() {
    const width = box.clientWidth || 300;
    columns = Math.max(2, Math.floor((width + GAP) / (150 + GAP)));
    side = Math.floor((width - GAP * (columns - 1)) / columns);
    height = side + 44;
    box.style.height = `${Math.ceil(total / columns) * (height + GAP)}px`;
  }

  const item = (n) => pages.get(Math.floor(n / PAGE))?.items?.[n % PAGE];

  function need(page) {
    if (pages.has(page)) return;
    pages.set(page, {});
    const asked = epoch;
    fetch(page * PAGE, PAGE).then((answer) => {
      if (asked !== epoch) return;
      pages.set(page, answer);
      if (answer.total !== total) { total = answer.total; measure(); }
      draw();
    }, (error) => { pages.delete(page); throw error; });
  }

  // Tiles outside of what can be seen, and a little more, are taken out.
  function draw() {
    const top = -box.getBoundingClientRect().top;
    const row = height + GAP;
    const first = Math.max(0, Math.floor((top - innerHeight / 2) / row)) * columns;
    const last = Math.min(total, (Math.ceil((top + innerHeight * 1.5) / row) + 1) * columns);
    for (const [n, tile] of tiles) if (n < first || n >= last) { tile.remove(); tiles.delete(n); }
    for (let n = first; n < last; n += 1) {
      need(Math.floor(n / PAGE));
      const one = item(n);
      let tile = tiles.get(n);
      if (!tile || (one && tile.dataset.path !== one.path)) {
        const fresh = one ? tileOf(one, n) : h("div.tile.empty");
        if (tile) tile.replaceWith(fresh); else box.append(fresh);
        tiles.set(n, fresh);
        tile = fresh;
      }
      Object.assign(tile.style, {
        width: `${side}px`, height: `${height}px`,
        transform: `translate(${(n % columns) * (side + GAP)}px, ${Math.floor(n / columns) * row}px)`,
      });
      tile.classList.toggle("at", n === at);
      tile.classList.toggle("chosen", Boolean(one && chosen.has(one.path)));
    }
  }

  function tileOf(one, n) {
    const picture = h("img", { src: thumbnail(one), alt: name(one.path), loading: "lazy", decoding: "async", draggable: false });
    picture.addEventListener("error", () => picture.classList.add("none"));
    const tile = h("div.tile", { role: "option", title: one.path, onclick: (event) => {
      move(n);
      if (event.ctrlKey || event.metaKey || event.shiftKey) choose(n, event.shiftKey); else open(one, n);
    } }, h("div.frame", picture), h("div.caption", h("span", one.class ?? name(one.path)), mark ? mark(one) : marks(one)));
    tile.dataset.path = one.path;
    return tile;
  }

  function move(n) {
    at = Math.max(0, Math.min(total - 1, n));
    const row = Math.floor(at / columns) * (height + GAP);
    const y = box.getBoundingClientRect().top + row;
    const under = document.querySelector("header").offsetHeight + 8;
    if (y < under) scrollBy(0, y - under);
    else if (y + height > innerHeight) scrollBy(0, y + height - innerHeight + 8);
    draw();
  }

  let from = 0;
  function choose(n, range) {
    const one = item(n);
    if (!one) return;
    if (range) for (let k = Math.min(from, n); k <= Math.max(from, n); k += 1) { const each = item(k); if (each) chosen.set(each.path, each); }
    else if (chosen.has(one.path)) chosen.delete(one.path);
    else chosen.set(one.path, one);
    from = n;
    draw();
    box.dispatchEvent(new Event("chosen"));
  }

  box.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns, PageDown: columns * 3, PageUp: -columns * 3, Home: -total, End: total };
    if (event.key in steps) move(at + steps[event.key]);
    else if (event.key === "Enter" && item(at)) open(item(at), at);
    else if (event.key === " ") choose(at, event.shiftKey);
    else if (event.key === "Escape" && chosen.size) { chosen.clear(); draw(); box.dispatchEvent(new Event("chosen")); }
    else return;
    event.preventDefault();
  });
  const again = () => { measure(); draw(); };
  addEventListener("scroll", draw, { passive: true });
  addEventListener("resize", again);
  return {
    box,
    chosen,
    at: () => item(at),
    next: (step) => { move(at + step); return item(at); },
    // Shows what there is now, where the person is.
    reload(top) {
      epoch += 1;
      pages = new Map();
      if (top) { at = 0; tiles.forEach((tile) => tile.remove()); tiles.clear(); scrollTo(0, 0); }
      measure();
      need(Math.floor(at / PAGE));
      draw();
    },
    end() { removeEventListener("scroll", draw); removeEventListener("resize", again); },
  };
}

export const marks = (one) => h("span.marks", (one.flags || []).map((flag) => h("i." + flag, { title: word("flag", flag) }, word("mark", flag))));

// A picture by itself, with arrows to the others. item: {path, digest?}
export function details(first, step) {
  const box = h("dialog.details", { onclose: () => box.remove() });
  let shown = first;
  const close = () => box.close();
  async function show(one) {
    shown = one;
    const told = h("div.about", h("p.quiet", "…"));
    const place = h("div.large");
    box.replaceChildren(
      h("div.bar", h("b", name(one.path)), h("button", { onclick: close, "aria-label": t("close") }, "✕")),
      h("div.both", place, told));
    const which = one.digest ? { digest: one.digest } : { path: one.path };
    let known;
    try {
      known = await get(one.digest ? `/api/picture/${one.digest}` : `/api/picture?${query(which)}`);
    } catch (error) {
      if (shown === one) told.replaceChildren(h("p.bad", error.message));
      return;
    }
    if (shown !== one) return;
    const { box: picture, layer } = fitted(large(one), known.width, known.height, name(one.path));
    place.replaceWith(picture);
    told.replaceChildren(...about(known, { layer, show, heat: (label) => get(`/api/heat?${query({ ...which, class: label })}`) }));
  }
  box.addEventListener("keydown", (event) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const other = by && step?.(by);
    if (other) { event.preventDefault(); show(other); }
  });
  document.body.append(box);
  box.showModal();
  show(first);
  return box;
}

// What is known of a picture. layer: where the heat is painted; heat(class) asks for it; show(other) opens a neighbour.
export function about(told, { layer, heat, show }) {
  const strip = (title, all, say_) => all.length ? [h("h3", title), h("div.strip", all.map((one) =>
    h("button", { title: one.path, onclick: () => show(one) }, h("img", { src: thumbnail(one), alt: name(one.path), loading: "lazy" }), h("span", one.class ?? "–"), h("small", say_(one.near)))))] : [];
  return [
    told.prediction ? scores(told.prediction, layer, heat) : h("p.quiet", told.problem || t("picture_no_champion")),
    told.files.length ? [h("h3", t("picture_files")),
      h("ul.plain", told.files.map((file) => h("li", file.path, " ", h("span.tag", t("split_" + file.split)), " ", marks(file))))] : [],
    h("p.quiet", `${number(told.width)} × ${number(told.height)} px`, told.scores.map(([one, score]) => ` · ${word("score", one)} ${score.toFixed(2)}`)),
    strip(t("picture_by_hash"), told.by_hash, (bits) => t("picture_bits", { n: bits })),
    strip(t("picture_by_embedding"), told.by_embedding, (cosine) => cosine.toFixed(2)),
  ].flat(3);
}

// A class is a button that shows what speaks for it, where the model can tell.
function scores(prediction, layer, heat) {
  let on = null;
  const note = h("p.note", { role: "status" });
  const tell = (text, isProblem = false) => { note.textContent = text; note.className = isProblem ? "note missing" : "note quiet"; };
  const rows = prediction.classes.slice(0, 8).map((score) => {
    const bar = h("i");
    bar.style.width = `${100 * score.probability}%`;
    const told = [h("span", score.class), h("div", bar), h("b", percent(score.probability))];
    if (!prediction.has_heat) return h("div.score", told);
    return h("button.score", { "aria-pressed": "false", title: t("picture_heat"), onclick: () => press(score.class) }, told);
  });
  async function press(label) {
    on = on === label ? null : label;
    rows.forEach((row, at) => row.setAttribute("aria-pressed", String(prediction.classes[at].class === on)));
    tell(t("picture_heat_how"));
    paint(layer, null);
    if (!on) return;
    let found = null;
    let why = t("picture_heat_none", { class: label });
    try { found = await heat(label); } catch (error) { why = error.message; }
    if (on !== label) return;
    // A map without any heat would look like no map at all: it is said instead.
    if (found?.values.some((value) => value > 0)) { paint(layer, found); tell(t("picture_heat_of", { class: label })); } else tell(why, true);
  }
  tell(t(prediction.has_heat ? "picture_heat_how" : "picture_heat_head"));
  const novel = prediction.is_novel ? h("p.note.missing", t("picture_novel")) : "";
  return h("div.scores", h("h3", t("picture_says", { model: prediction.model })), novel, rows, note);
}
