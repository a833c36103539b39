// What the server says by itself. Parts are kept, so that a view that opens has them at once.

const parts = new Map();
const listeners = new Map();
let source;

export function on(name, listener) {
  if (!listeners.has(name)) listeners.set(name, new Set());
  listeners.get(name).add(listener);
  if (parts.has(name)) listener(parts.get(name));
  return () => listeners.get(name).delete(listener);
}

export const part = (name) => parts.get(name);

function tell(name, value) {
  parts.set(name, value);
  for (const listener of listeners.get(name) || []) listener(value);
}

export function start(names) {
  source = new EventSource("/api/events");
  source.onopen = () => tell("connected", true);
  source.onerror = () => {
    tell("connected", false);
    // A browser gives up after some errors; we do not.
    if (source.readyState === EventSource.CLOSED) setTimeout(() => start(names), 2000);
  };
  for (const name of names) source.addEventListener(name, (event) => tell(name, JSON.parse(event.data)));
}
