// What a person decides about images and classes, from whatever view: done on the server, said, and undone by one press.
import { h } from "/dom.js";
import { get, post } from "/ask.js";
import { say, sayWithUndo } from "/toast.js";
import { said, t, number } from "/words.js";

// Problems that are told one by one.
const PROBLEMS = 3;
let queue = Promise.resolve();
const tell = (kind, detail) => document.dispatchEvent(new CustomEvent(kind, { detail }));

// Listens to what was done (`acted`) and undone (`undone`), each with {moved: [[from, to]]}; gives a function that ends it.
export function onActs(listener) {
  const done = (event) => listener({ ...event.detail, isUndone: false });
  const back = (event) => listener({ ...event.detail, isUndone: true });
  document.addEventListener("acted", done);
  document.addEventListener("undone", back);
  return () => { document.removeEventListener("acted", done); document.removeEventListener("undone", back); };
}

// What could not be done: the first few, and how many more.
function problems(done) {
  const shown = done.problems.slice(0, PROBLEMS).map(said);
  return [...shown, ...(done.problems.length > PROBLEMS ? [t("problems_more", { n: number(done.problems.length - PROBLEMS) })] : [])].join("\n");
}

// One after the other. text: what is said when it is done, of the number of files.
export function act(acts, text) {
  const run = queue.then(async () => {
    const done = await post("/api/decide", { acts });
    if (done.problems.length) say(problems(done), true);
    // An image's sidecar goes with it and does not count.
    if (text) sayWithUndo(text(done.moved.filter(([from]) => !/\.xmp$/i.test(from)).length), undo);
    tell("acted", done);
    return done;
  }).catch((error) => { say(error.message, true); tell("acted", { moved: [] }); return null; });
  queue = run;
  return run;
}

export function undo() {
  const run = queue.then(async () => {
    const done = await post("/api/undo", {});
    say(done.moved.length ? t("undone_files", { n: number(done.moved.length) }) : t("undone"));
    if (done.problems.length) say(problems(done), true);
    tell("undone", done);
    return done;
  }).catch((error) => { say(error.message, true); return null; });
  queue = run;
  return run;
}

export const move = (paths, label) => act(paths.map((path) => ({ label: { path, class: label } })), (n) => t("done_moved", { n: number(n), to: label }));
export const trash = (paths) => act(paths.map((path) => ({ throw: { path } })), (n) => t("done_trashed", { n: number(n) }));
export const differ = (digests) => act([{ different: { key: `images ${digests.join(" ")}` } }], () => t("done_differ", { n: number(digests.length) }));
export const create = (label) => act([{ create: { class: label } }], () => t("done_created", { name: label }));
export const rename = (label, to) => act([{ rename: { class: label, to } }], (n) => t("done_renamed", { from: label, to, n: number(n) }));
export const remove = (label) => act([{ delete: { class: label } }], (n) => t("done_deleted", { name: label, n: number(n) }));

// Classes there are, in their order: the same number means the same class everywhere.
export const classNames = async () => (await get("/api/classes")).classes.map((one) => one.class);

// Keys that choose a class: 1 to 9.
export const classKey = (at) => (at < 9 ? String(at + 1) : "");

// Asks for a text; gives it, or null.
export function prompt(title, value = "", button = t("ok")) {
  return new Promise((resolve) => {
    let answer = null;
    const input = h("input", { value, "aria-label": title, autofocus: true });
    const box = h("dialog.asks", { onclose: () => { box.remove(); resolve(answer); } },
      h("form", { method: "dialog", onsubmit: () => { answer = input.value.trim() || null; } },
        h("h2", title), input, h("div.row", h("button.main", { type: "submit" }, button), h("button", { type: "button", onclick: () => box.close() }, t("cancel")))));
    document.body.append(box);
    box.showModal();
    input.select();
  });
}

// Asks for a class, of those there are or a new one; gives its name, or null. Typing narrows the list down, Enter takes the first.
export function pickClass(title, classes, { isNew = true } = {}) {
  return new Promise((resolve) => {
    let answer = null;
    const input = h("input", { type: "search", placeholder: t("pick_search"), "aria-label": t("pick_search"), autofocus: true, oninput: draw });
    const list = h("div.picks");
    const take = (name) => { answer = name; box.close(); };
    const box = h("dialog.asks.pick", { onclose: () => { box.remove(); resolve(answer); } },
      h("form", { method: "dialog", onsubmit: (event) => { event.preventDefault(); list.querySelector("button")?.click(); } }, h("h2", title), input), list,
      h("button", { type: "button", onclick: () => box.close() }, t("cancel")));
    function draw() {
      const wanted = input.value.trim().toLowerCase();
      const found = classes.filter((name) => name.toLowerCase().includes(wanted));
      found.sort((a, b) => Number(b.toLowerCase().startsWith(wanted)) - Number(a.toLowerCase().startsWith(wanted)));
      const typed = input.value.trim();
      list.replaceChildren(...found.map((name) => h("button", { type: "button", onclick: () => take(name) }, name)),
        isNew && typed && !classes.includes(typed) ? h("button.new", { type: "button", onclick: () => take(typed) }, t("pick_new", { name: typed })) : "",
        !found.length && !typed ? h("p.quiet", t("pick_none")) : "");
    }
    document.body.append(box);
    box.showModal();
    draw();
  });
}
