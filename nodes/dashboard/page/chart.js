// Lines over a common axis, as SVG. The drawing keeps its size whatever is drawn.
import { s } from "/dom.js";
import { figure, percent } from "/words.js";

const [WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT] = [480, 220, 52, 26, 10, 10];

export function ticks(low, high, count) {
  const raw = (high - low) / count || 1;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= raw);
  const found = [];
  for (let at = Math.ceil(low / step) * step; at <= high + step / 1e6; at += step) found.push(Math.abs(at) < step / 1e6 ? 0 : at);
  return found;
}

// lines: [{name, points: [[x, y], …], kind}], kind a class of style.css; box: {x: [low, high], y: [low, high], log}
export function lines(title, all, box = {}) {
  const points = all.flatMap((line) => line.points).filter(([, y]) => Number.isFinite(y));
  const xs = points.map(([x]) => x);
  const ys = points.map(([, y]) => y);
  const [x0, x1] = box.x || [Math.min(...xs, 1), Math.max(...xs, 2)];
  let [y0, y1] = box.y || [Math.min(...ys), Math.max(...ys)];
  if (!points.length && !box.y) [y0, y1] = [0, 1];
  if (y0 === y1) [y0, y1] = [y0 - Math.abs(y0) / 2 - 1e-9, y1 + Math.abs(y1) / 2 + 1e-9];
  if (!box.y) { const air = (y1 - y0) * 0.06; y0 -= air; y1 += air; }
  const across = (x) => LEFT + ((x - x0) / (x1 - x0 || 1)) * (WIDTH - LEFT - RIGHT);
  const up = (y) => HEIGHT - BOTTOM - ((y - y0) / (y1 - y0)) * (HEIGHT - BOTTOM - TOP);
  const drawing = s("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "chart", role: "img", "aria-label": title });
  for (const y of ticks(y0, y1, 4)) {
    drawing.append(
      s("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: up(y), y2: up(y), class: "grid" }),
      s("text", { x: LEFT - 6, y: up(y) + 4, class: "tick end" }, figure(y)),
    );
  }
  for (const x of ticks(x0, x1, 6).filter((x) => Number.isInteger(x) || box.anyX)) {
    drawing.append(s("text", { x: across(x), y: HEIGHT - 8, class: "tick mid" }, figure(x)));
  }
  for (const line of all) {
    const good = line.points.filter(([, y]) => Number.isFinite(y));
    if (!good.length) continue;
    const path = good.map(([x, y], at) => `${at ? "L" : "M"}${across(x).toFixed(1)} ${up(y).toFixed(1)}`).join("");
    drawing.append(s("path", { d: path, class: `line ${line.kind}` }, s("title", {}, line.name)));
    const [x, y] = good[good.length - 1];
    drawing.append(s("circle", { cx: across(x), cy: up(y), r: 3, class: `dot ${line.kind}` }, s("title", {}, `${line.name} ${figure(y)}`)));
  }
  return drawing;
}

// How right against what it costs. points: [{x, y, name, label?, front, large?, deviation?}], y a share; those of the front are joined.
export function scatter(title, points) {
  const [W, H, L, B, T, R] = [480, 260, 52, 30, 12, 14];
  const drawing = s("svg", { viewBox: `0 0 ${W} ${H}`, class: "chart tall", role: "img", "aria-label": title });
  if (!points.length) return drawing;
  const spread = (point) => point.deviation || 0;
  const x1 = Math.max(...points.map(({ x }) => x)) * 1.12;
  const y0 = Math.max(0, Math.min(...points.map((point) => point.y - spread(point))) - 0.05);
  const y1 = Math.min(1, Math.max(...points.map((point) => point.y + spread(point))) + 0.05);
  const across = (x) => L + (x / x1) * (W - L - R);
  const up = (y) => H - B - ((y - y0) / (y1 - y0 || 1)) * (H - B - T);
  for (const y of ticks(y0, y1, 4)) drawing.append(s("line", { x1: L, x2: W - R, y1: up(y), y2: up(y), class: "grid" }), s("text", { x: L - 6, y: up(y) + 4, class: "tick end" }, percent(y, 0)));
  for (const x of ticks(0, x1, 5)) drawing.append(s("text", { x: across(x), y: H - 10, class: "tick mid" }, figure(x)));
  const front = points.filter((point) => point.front).sort((a, b) => a.x - b.x);
  drawing.append(s("path", { class: "frontline", d: front.map((point, at) => {
    const [x, y] = [across(point.x).toFixed(1), up(point.y).toFixed(1)];
    return at ? `H${x}V${y}` : `M${x} ${y}`;
  }).join("") }));
  for (const point of points) {
    const [x, y, kind] = [across(point.x), up(point.y), point.front ? "run onfront" : "run"];
    if (spread(point)) drawing.append(s("line", { x1: x, x2: x, y1: up(point.y - spread(point)), y2: up(point.y + spread(point)), class: "whisker" }));
    drawing.append(s("circle", { cx: x, cy: y, r: point.large ? 7 : 5, class: kind }, s("title", {}, `${point.name} · ${percent(point.y)} · ${figure(point.x)}`)));
    if (point.label) drawing.append(s("text", { x: x + 8, y: y - 7, class: "tick" }, point.label));
  }
  return drawing;
}
