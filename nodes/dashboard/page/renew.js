// Lists that are made anew while somebody uses them. Elements that stay are kept, by key, so that keyboard focus, selected text,
// scroll positions, folded parts and open menus stay with what they were on; a list drawn with `replaceChildren` loses all of it.

// What an element is known by among its siblings. Without any, its place among those of its kind counts.
const KEYS = ["data-key", "data-act", "data-class", "data-path", "data-need", "data-date", "id", "href", "src"];
// What a person changes, which a new element does not know.
const THEIRS = { DETAILS: ["open"], DIALOG: ["open"] };
const CAN_FOCUS = "a[href], button, input, select, textarea, summary, [tabindex]";

const keyOf = (node) => `${node.nodeName} ${node.nodeType === Node.ELEMENT_NODE ? KEYS.map((name) => node.getAttribute(name)).find((value) => value !== null) ?? "" : ""}`;
const hasFocus = (node) => node.contains(document.activeElement);

// Makes `children` (elements, texts, lists of them; nothing is left out) the content of `parent`.
export function renew(parent, ...children) {
  const wanted = children.flat(9).filter((one) => one !== null && one !== undefined && one !== false && one !== "");
  const focused = hasFocus(parent) && document.activeElement !== parent ? document.activeElement : null;
  const row = focused ? [...parent.children].findIndex((child) => child.contains(focused)) : -1;
  content(parent, wanted.map((one) => (one instanceof Node ? one : document.createTextNode(String(one)))));
  if (!focused || document.activeElement === focused) return;
  if (parent.contains(focused)) return focused.focus({ preventScroll: true });
  // What had the focus is gone: the same button of what took its place, never another one; else the list itself.
  const act = focused.dataset.act;
  const next = act && parent.children[Math.min(row, parent.children.length - 1)]?.querySelector(`[data-act="${CSS.escape(act)}"]`);
  if (!next && !parent.matches(CAN_FOCUS)) parent.tabIndex = -1;
  (next || parent).focus({ preventScroll: true });
}

function content(parent, wanted) {
  const kept = new Map();
  for (const node of parent.childNodes) { const key = keyOf(node); kept.set(key, [...(kept.get(key) || []), node]); }
  const nodes = wanted.map((fresh) => {
    const old = kept.get(keyOf(fresh))?.shift();
    if (!old) return fresh;
    patch(old, fresh);
    return old;
  });
  for (const node of [...kept.values()].flat()) node.remove();
  // What has the focus is not moved: what is before it moves around it.
  let at = parent.firstChild;
  for (const node of nodes) {
    while (at && at !== node && hasFocus(node) && node.parentNode === parent) { const after = at.nextSibling; parent.append(at); at = after; }
    if (at === node) at = at.nextSibling;
    else parent.insertBefore(node, at);
  }
}

function patch(old, fresh) {
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  const isUsed = old === document.activeElement;
  // A button that is used keeps the focus when it can do nothing for a while.
  if (isUsed && fresh.disabled && "onclick" in fresh) { fresh.disabled = false; fresh.onclick = null; fresh.setAttribute("aria-disabled", "true"); }
  const theirs = THEIRS[old.nodeName] || [];
  for (const name of old.getAttributeNames()) if (!fresh.hasAttribute(name) && !theirs.includes(name)) old.removeAttribute(name);
  for (const name of fresh.getAttributeNames()) {
    if (old.getAttribute(name) === fresh.getAttribute(name) || theirs.includes(name)) continue;
    // The page's own policy refuses a style that is set as an attribute.
    if (name === "style") old.style.cssText = fresh.style.cssText;
    else old.setAttribute(name, fresh.getAttribute(name));
  }
  for (const name of new Set([...(old.handlers || []), ...(fresh.handlers || [])])) old[name] = fresh[name];
  old.handlers = fresh.handlers;
  content(old, [...fresh.childNodes]);
  if (old.nodeName === "INPUT") {
    if (old.checked !== fresh.checked) old.checked = fresh.checked;
    if (!isUsed && old.value !== fresh.value) old.value = fresh.value;
  }
  if (old.nodeName === "SELECT" && !isUsed && old.value !== fresh.value) old.value = fresh.value;
}
