// What the network looked at, over an image.
import { h } from "/dom.js";

// An image that fills its box in its own shape, with a layer over it.
export function fitted(source, width, height, alt) {
  const layer = h("canvas", { hidden: true, "aria-hidden": "true" });
  const fit = h("div.fit", h("img", { src: source, alt }), layer);
  fit.style.aspectRatio = `${width} / ${height}`;
  const box = h("div.large", fit);
  const measure = () => { fit.className = width * box.clientHeight > height * box.clientWidth ? "fit wide" : "fit tall"; };
  new ResizeObserver(measure).observe(box);
  return { box, layer };
}

// heat: {grid: [rows, columns], values, frame: [left, top, width, height]}
export function paint(layer, heat) {
  layer.hidden = !heat;
  if (!heat) return;
  const [rows, columns] = heat.grid;
  Object.assign(layer, { width: columns, height: rows });
  const [left, top, width, height] = heat.frame.map((share) => `${100 * share}%`);
  Object.assign(layer.style, { left, top, width, height });
  const pixels = layer.getContext("2d");
  const image = pixels.createImageData(columns, rows);
  heat.values.forEach((value, at) => image.data.set([255, Math.round(40 + 190 * value), 0, Math.round(210 * value)], 4 * at));
  pixels.putImageData(image, 0, 0);
}
