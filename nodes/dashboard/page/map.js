// A map of the embeddings, an image a point: what lies together looks alike. A lasso chooses in the grid.
import { h } from "/dom.js";
import { get } from "/ask.js";
import { thumbnail } from "/grid.js";
import { t, number } from "/words.js";

const POINT = 5;
const NEAR_PX = 12;
const MARGIN = 14;

// A colour a class, as different from each other as so many can be; light and dark in turn.
const colour = (at, of) => `hsl(${Math.round((360 * at) / Math.max(1, of))} 70% ${at % 2 ? 60 : 42}%)`;

// choose(items): what the lasso caught; open(item): one that was clicked.
export async function map(box, { choose, open }) {
  const found = await get("/api/map");
  if (!found.path.length) return box.replaceChildren(h("p.quiet", t("map_none")));
  const canvas = h("canvas", { className: "map", "aria-label": t("map_how"), role: "img" });
  const face = h("img.face", { alt: "", hidden: true });
  const legend = h("div.legend-row", found.classes.map((name, at) => { const dot = h("i"); dot.style.background = colour(at, found.classes.length); return h("span", dot, name); }));
  box.replaceChildren(h("p.quiet", t("map_how"), " ", t("map_images", { n: number(found.path.length) })), h("div.map-box", canvas, face), legend);
  const pen = canvas.getContext("2d");
  let [side, scale, lasso, inside] = [0, 1, null, new Set()];
  const x = (n) => MARGIN + found.x[n] * (side - 2 * MARGIN);
  const y = (n) => MARGIN + (1 - found.y[n]) * (side - 2 * MARGIN);
  const item = (n) => ({ path: found.path[n], digest: found.digest[n], class: found.class[n] === null ? null : found.classes[found.class[n]], flags: [] });
  // A class at a time, so that the colour is set once for each.
  const by = new Map();
  found.class.forEach((at, n) => { if (!by.has(at)) by.set(at, []); by.get(at).push(n); });

  // The points are painted once and copied for each frame: 100,000 of them are too many to be painted while a lasso is drawn.
  const points = document.createElement("canvas");
  function paint() {
    Object.assign(points, { width: canvas.width, height: canvas.height });
    const brush = points.getContext("2d");
    brush.setTransform(scale, 0, 0, scale, 0, 0);
    brush.globalAlpha = 0.8;
    for (const [at, all] of by) {
      brush.fillStyle = at === null ? "#888" : colour(at, found.classes.length);
      for (const n of all) brush.fillRect(x(n) - POINT / 2, y(n) - POINT / 2, POINT, POINT);
    }
    brush.globalAlpha = 1;
    brush.fillStyle = getComputedStyle(canvas).color;
    for (const n of inside) brush.fillRect(x(n) - POINT / 2, y(n) - POINT / 2, POINT, POINT);
  }
  let waits = false;
  const soon = () => { if (!waits) { waits = true; requestAnimationFrame(() => { waits = false; draw(); }); } };
  function draw() {
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.clearRect(0, 0, canvas.width, canvas.height);
    if (points.width) pen.drawImage(points, 0, 0);
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    pen.strokeStyle = getComputedStyle(canvas).color;
    if (lasso?.length > 1) { pen.beginPath(); lasso.forEach(([a, b], at) => (at ? pen.lineTo(a, b) : pen.moveTo(a, b))); pen.closePath(); pen.stroke(); }
  }
  function measure() {
    side = Math.min(canvas.parentElement.clientWidth, Math.round(innerHeight * 0.7));
    scale = devicePixelRatio || 1;
    Object.assign(canvas, { width: side * scale, height: side * scale });
    Object.assign(canvas.style, { width: `${side}px`, height: `${side}px` });
    paint();
    draw();
  }
  const at = (event) => { const edge = canvas.getBoundingClientRect(); return [event.clientX - edge.left, event.clientY - edge.top]; };
  function nearest([a, b]) {
    let [best, far] = [-1, NEAR_PX ** 2];
    for (let n = 0; n < found.path.length; n += 1) { const d = (x(n) - a) ** 2 + (y(n) - b) ** 2; if (d < far) [best, far] = [n, d]; }
    return best;
  }
  // Even-odd rule.
  function isIn(n) {
    const [a, b] = [x(n), y(n)];
    let is = false;
    for (let k = 0, j = lasso.length - 1; k < lasso.length; j = k, k += 1) {
      const [[xk, yk], [xj, yj]] = [lasso[k], lasso[j]];
      if ((yk > b) !== (yj > b) && a < ((xj - xk) * (b - yk)) / (yj - yk) + xk) is = !is;
    }
    return is;
  }
  canvas.addEventListener("pointerdown", (event) => { canvas.setPointerCapture(event.pointerId); lasso = [at(event)]; face.hidden = true; });
  canvas.addEventListener("pointermove", (event) => {
    const here = at(event);
    // Between two frames a quick hand goes a long way.
    if (lasso) { const all = event.getCoalescedEvents?.() ?? []; lasso.push(...(all.length ? all.map(at) : [here])); soon(); return; }
    const n = nearest(here);
    face.hidden = n < 0;
    if (n >= 0) { face.src = thumbnail(item(n)); Object.assign(face.style, { left: `${Math.min(here[0] + 14, side - 120)}px`, top: `${Math.min(here[1] + 14, side - 120)}px` }); }
  });
  canvas.addEventListener("pointerup", (event) => {
    const drawn = lasso;
    if (!drawn) return;
    if (drawn.length < 6) { lasso = null; const n = nearest(at(event)); if (n >= 0) open(item(n)); draw(); return; }
    inside = new Set(found.path.map((_, n) => n).filter(isIn));
    lasso = null;
    paint();
    draw();
    choose([...inside].map(item));
  });
  canvas.addEventListener("pointerleave", () => { face.hidden = true; });
  new ResizeObserver(measure).observe(canvas.parentElement);
  measure();
}
