// Elements. What is shown is always text, never markup.

// h("div.card.wide", {title: "x", onclick: f}, "text", child, [more])
export function h(tag, ...rest) {
  const [name, ...classes] = tag.split(".");
  const element = document.createElement(name || "div");
  if (classes.length) element.className = classes.join(" ");
  if (rest.length && rest[0] && rest[0].constructor === Object) set(element, rest.shift());
  element.append(...rest.flat(9).filter((one) => one !== null && one !== undefined && one !== false));
  return element;
}

export function set(element, properties) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) element.removeAttribute?.(name);
    // As properties, which `renew` gives on to an element that is kept.
    else if (name.startsWith("on")) { element[name] = value; element.handlers = [...(element.handlers || []), name]; }
    else if (name === "style") Object.assign(element.style, value);
    else if (name in element && !(element instanceof SVGElement) && !name.startsWith("aria")) element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  return element;
}

export function s(tag, properties = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(properties)) element.setAttribute(name, value);
  element.append(...children.flat(9));
  return element;
}

// Replaces what is inside only when the text differs, so that nothing flickers.
export function write(element, text) {
  const now = String(text);
  if (element.textContent !== now) element.textContent = now;
}
