// Images in a grid of which only what can be seen is in the document. One stop for the Tab key; arrows move within.
import { h } from "/dom.js";
import { query } from "/ask.js";
import { t, word, percent } from "/words.js";

export const thumbnail = (one) => (one.digest ? `/thumbnail/${one.digest}` : `/thumbnail?${query({ path: one.path })}`);
export const large = (one) => (one.digest ? `/large/${one.digest}` : `/large?${query({ path: one.path })}`);
export const name = (path) => path.split("/").pop();

const PAGE = 120;
const GAP = 8;
const LONG_PRESS_MS = 450;
let grids = 0;

// How far bars that stay reach down from the top, and up from the bottom.
function barsBelow() {
  const bars = [...document.querySelectorAll("header, .sticky")].filter((bar) => getComputedStyle(bar).position === "sticky");
  return bars.reduce((low, bar) => Math.max(low, (parseFloat(getComputedStyle(bar).top) || 0) + bar.offsetHeight), 0) + GAP;
}
const barsAbove = () => (document.querySelector(".selection:not([hidden])")?.offsetHeight || 0) + GAP;

// options: fetch(from, count) → {total, items}, open(item, at), mark(item): what stands below the name
export function grid({ fetch, open, mark, className = "" }) {
  const id = `grid${grids += 1}`;
  const box = h("div.grid", { id, tabIndex: 0, role: "listbox", "aria-label": t("look_images"), "aria-multiselectable": "true" });
  if (className) box.classList.add(className);
  let [total, at, columns, side, height] = [0, 0, 1, 150, 190];
  let pages = new Map();
  // As they were before the list was made anew, until the new ones are here: what is on the screen can be acted on.
  let before = new Map();
  let epoch = 0;
  const chosen = new Map();
  // What went elsewhere, until the list is made anew: path → what is said of it.
  const gone = new Map();
  const tiles = new Map();
  // Path of the image that is looked at, while the list is made anew: it may come to stand elsewhere.
  let anchor = null;

  function measure() {
    const width = box.clientWidth || 300;
    columns = Math.max(2, Math.floor((width + GAP) / (150 + GAP)));
    side = Math.floor((width - GAP * (columns - 1)) / columns);
    height = side + 46;
    box.style.height = `${Math.ceil(total / columns) * (height + GAP)}px`;
  }

  const item = (n) => { const page = Math.floor(n / PAGE); return (pages.get(page)?.items ?? before.get(page)?.items)?.[n % PAGE]; };

  function need(page) {
    if (pages.has(page)) return;
    pages.set(page, {});
    const asked = epoch;
    fetch(page * PAGE, PAGE).then((answer) => {
      if (asked !== epoch) return;
      pages.set(page, answer);
      if (answer.total !== total) { total = answer.total; measure(); }
      follow(page, answer.items);
      draw();
    }, (error) => { pages.delete(page); throw error; });
  }

  // Stays with the image that is looked at, and with its row on the screen when the grid is what is used.
  function follow(page, items) {
    const found = anchor === null ? -1 : items.findIndex((one) => one.path === anchor);
    if (found < 0) return;
    const n = page * PAGE + found;
    const rows = Math.floor(n / columns) - Math.floor(at / columns);
    [anchor, at] = [null, n];
    if (rows && document.activeElement === box) scrollBy(0, rows * (height + GAP));
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
      if (!tile || (one && tile.dataset.path !== one.path) || tile.dataset.gone !== (one && gone.get(one.path) || "")) {
        const fresh = one ? tileOf(one, n) : h("div.tile.empty");
        fresh.dataset.gone = (one && gone.get(one.path)) || "";
        if (tile) tile.replaceWith(fresh); else box.append(fresh);
        tiles.set(n, fresh);
        tile = fresh;
      }
      Object.assign(tile.style, {
        width: `${side}px`, height: `${height}px`,
        transform: `translate(${(n % columns) * (side + GAP)}px, ${Math.floor(n / columns) * row}px)`,
      });
      const isChosen = Boolean(one && chosen.has(one.path));
      tile.classList.toggle("at", n === at);
      tile.classList.toggle("chosen", isChosen);
      tile.setAttribute("aria-selected", String(isChosen));
      tile.setAttribute("aria-posinset", n + 1);
      tile.setAttribute("aria-setsize", total);
    }
    box.classList.toggle("choosing", chosen.size > 0);
    if (tiles.has(at)) box.setAttribute("aria-activedescendant", `${id}-${at}`); else box.removeAttribute("aria-activedescendant");
  }

  const spoken = (one) => [one.class, name(one.path), one.predicted && one.predicted.class !== one.class ? t("tile_predicted", { name: one.predicted.class }) : "",
    ...(one.flags || []).map((flag) => word("flag", flag))].filter(Boolean).join(t("comma"));

  function tileOf(one, n) {
    const image = h("img", { src: thumbnail(one), alt: "", loading: "lazy", decoding: "async", draggable: false });
    image.addEventListener("error", () => image.classList.add("none"));
    const to = gone.get(one.path);
    // A corner to choose by, for a mouse without a second hand.
    const corner = h("span.corner", { "aria-hidden": "true", onclick: (event) => { event.stopPropagation(); move(n); choose(n, event.shiftKey); } }, "✓");
    let pressed = false;
    let timer;
    const release = () => clearTimeout(timer);
    const tile = h(to ? "div.tile.gone" : "div.tile", {
      id: `${id}-${n}`, role: "option", title: one.path, "aria-label": spoken(one),
      onclick: (event) => {
        if (pressed) { pressed = false; return; }
        move(n);
        if (event.ctrlKey || event.metaKey || event.shiftKey || (chosen.size && isTouch(event))) choose(n, event.shiftKey); else open(one, n);
      },
      onpointerdown: (event) => { pressed = false; if (event.pointerType === "touch") timer = setTimeout(() => { pressed = true; move(n); choose(n); }, LONG_PRESS_MS); },
      onpointerup: release, onpointercancel: release, onpointermove: (event) => { if (Math.abs(event.movementX) + Math.abs(event.movementY) > 6) release(); },
      oncontextmenu: (event) => { if (timer && matchMedia("(pointer: coarse)").matches) event.preventDefault(); },
    }, h("div.frame", image, corner), h("div.caption", to ? [h("span", to), h("span.quiet", name(one.path))] : mark ? mark(one) : caption(one)));
    tile.dataset.path = one.path;
    return tile;
  }
  const isTouch = (event) => event.pointerType === "touch" || matchMedia("(pointer: coarse)").matches;

  function move(n) {
    [anchor, at] = [null, Math.max(0, Math.min(total - 1, n))];
    const row = Math.floor(at / columns) * (height + GAP);
    const y = box.getBoundingClientRect().top + row;
    const [under, above] = [barsBelow(), innerHeight - barsAbove()];
    if (y < under) scrollBy(0, y - under);
    else if (y + height > above) scrollBy(0, Math.min(y - under, y + height - above));
    draw();
  }

  let from = 0;
  const told = () => { draw(); box.dispatchEvent(new Event("chosen")); };
  function choose(n, range) {
    const one = item(n);
    if (!one || gone.has(one.path)) return;
    if (range) for (let k = Math.min(from, n); k <= Math.max(from, n); k += 1) { const each = item(k); if (each) chosen.set(each.path, each); }
    else if (chosen.has(one.path)) chosen.delete(one.path);
    else chosen.set(one.path, one);
    from = n;
    told();
  }

  box.addEventListener("keydown", (event) => {
    if (event.ctrlKey && event.key === "a") { for (let n = 0; n < total; n += 1) { const one = item(n); if (one) chosen.set(one.path, one); } told(); event.preventDefault(); return; }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns, PageDown: columns * 3, PageUp: -columns * 3, Home: -total, End: total };
    if (event.key in steps) move(at + steps[event.key]);
    else if (event.key === "Enter" && item(at)) open(item(at), at);
    else if (event.key === " ") choose(at, event.shiftKey);
    else if (event.key === "Escape" && chosen.size) { chosen.clear(); told(); }
    else return;
    event.preventDefault();
  });
  const again = () => { measure(); draw(); };
  addEventListener("scroll", draw, { passive: true });
  addEventListener("resize", again);
  return {
    box,
    chosen,
    total: () => total,
    at: () => item(at),
    // What an act is about: all that are chosen, else the one that is looked at.
    meant: () => (chosen.size ? [...chosen.values()] : [item(at)].filter((one) => one && !gone.has(one.path))),
    next: (step) => { move(at + step); return item(at); },
    // Chooses these and no others.
    take(items) { chosen.clear(); for (const one of items) chosen.set(one.path, one); told(); },
    clear: () => { chosen.clear(); told(); },
    // What went, and what it is said of it.
    went(paths, text) { for (const path of paths) { gone.set(path, text); chosen.delete(path); } told(); },
    // What came back; the first of it is looked at.
    back(paths) {
      for (const path of paths) gone.delete(path);
      for (const page of pages.keys()) pages.get(page).items?.some((one, n) => paths.includes(one.path) && (move(page * PAGE + n), true));
      told();
    },
    // Shows what there is now, where the person is.
    reload(top) {
      epoch += 1;
      anchor = top ? null : item(at)?.path ?? null;
      before = top ? new Map() : new Map([...before, ...[...pages].filter(([, page]) => page.items)]);
      pages = new Map();
      gone.clear();
      if (top) { at = 0; tiles.forEach((tile) => tile.remove()); tiles.clear(); scrollTo(0, 0); }
      measure();
      need(Math.floor(at / PAGE));
      draw();
    },
    end() { removeEventListener("scroll", draw); removeEventListener("resize", again); },
  };
}

export const marks = (one) => h("span.marks", (one.flags || []).map((flag) => h("i." + flag, { title: word("flag", flag) }, word("mark", flag))));

// Label; below it what it was predicted to be where that is another, else its marks or its name.
export function caption(one) {
  const predicted = one.predicted;
  const differs = predicted && predicted.class !== one.class;
  const guess = differs ? h(one.class ? "span.predicted" : "span", { title: t("tile_predicted", { name: predicted.class }) }, `→ ${predicted.class} ${percent(predicted.probability, 0)}`) : "";
  if (!one.class) return [h("span", guess || name(one.path)), h("span.quiet", guess ? name(one.path) : "")];
  if (differs) return [h("span.names", h("b", one.class), marks({ flags: one.flags.filter((flag) => flag !== "wrong") })), h("span", guess)];
  return [h("span.names", h("b", one.class)), (one.flags || []).length ? marks(one) : h("span.quiet", name(one.path))];
}
