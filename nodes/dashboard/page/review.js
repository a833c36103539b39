// Review: one question after the other, a key each, and every step undone by one; or a class of them at once.
import { h } from "/dom.js";
import { renew } from "/renew.js";
import { get } from "/ask.js";
import { on } from "/live.js";
import { act as done_, onActs, pickClass, undo } from "/acts.js";
import { t, number, percent } from "/words.js";
import { large, name, thumbnail } from "/grid.js";
import { details } from "/details.js";
import { sheet } from "/sheet.js";

const QUEUES = ["conflicts", "suspected", "unsure", "candidates"];
// Those of which a class at a time can be looked through.
const SHEETS = ["unsure", "candidates"];
// Keys that choose a class, always the same one: digits, then letters that mean nothing else. Further classes are found by typing.
const LETTERS = "123456789bcefghijlpqrtvwyz";
// Images of a question that are shown at once.
const SHOWN = 8;

export const keys = () => [
  ["A, Enter", t("key_accept")], ["X", t("key_throw")], ["K", t("key_keep")], ["D", t("key_different")], ["1 – 9, b …", t("key_class")], ["M", t("key_move")],
  ["S, →", t("key_after")], ["←", t("key_before")], ["U, Ctrl Z", t("key_undo")], ["Space", t("keys_choose")], ["O", t("keys_open")],
];

export function show(root, parameters, ready) {
  let queue = QUEUES.includes(parameters.get("queue")) ? parameters.get("queue") : "";
  let isSheet = parameters.get("as") === "sheet";
  let [questions, classes, total, at] = [[], [], 0, 0];
  const answered = new Set();
  const chosen = new Set();
  // Questions as they were answered, so that undo shows them again: path → key.
  let wanted = null;
  let busy = Promise.resolve();
  let ended = false;

  const tabs = h("div.tabs", { role: "tablist" });
  const image = h("div.ask");
  const answers = h("div.answers");
  const strip = h("div.queue", { role: "listbox", "aria-label": t("decide_queue"), "aria-multiselectable": "true" });
  const state = h("span.quiet", { role: "status" });
  const back = h("button", { id: "undo", onclick: undo }, t("undo"), " ", h("kbd", "U"));
  const as = h("button", { onclick: () => { isSheet = !isSheet; draw(); } });
  const deciding = h("div.wide.deciding", image, answers);
  const one_ = h("div.wide", strip);
  const many = h("div.wide");
  root.append(h("div.wide.tabbar", tabs, h("span.grow"), state, as, back), deciding, one_, many);

  const question = () => questions[at];
  // What is meant: all that are chosen, else the one that is shown.
  const meant = () => { const some = questions.filter((one) => chosen.has(one.key)); return some.length ? some : [question()].filter(Boolean); };

  async function load() {
    if (!queue) return draw();
    const found = await get(`/api/queue/${queue}`);
    if (ended) return;
    const before = wanted ? found.questions.find((one) => one.files.some((file) => wanted.has(file.path)))?.key : question()?.key;
    wanted = null;
    questions = found.questions.filter((one) => !answered.has(one.key));
    classes = found.classes;
    back.disabled = found.undoable === 0;
    total = Math.max(questions.length, found.total - (found.questions.length - questions.length));
    const again = questions.findIndex((one) => one.key === before);
    at = again >= 0 ? again : Math.min(at, Math.max(0, questions.length - 1));
    draw();
  }

  async function counts() {
    const all = await get("/api/queues");
    if (ended) return;
    // The first that has something to ask.
    if (!queue) queue = QUEUES.find((one) => all[one]) || QUEUES[0];
    renew(tabs, QUEUES.map((one) => h("a", { href: `#review?queue=${one}`, role: "tab", "aria-selected": String(one === queue) }, t("queue_" + one), " ", h("b", number(all[one])))));
  }

  function draw() {
    const one = question();
    state.textContent = queue ? t("decide_left", { n: number(total) }) : "";
    const can = SHEETS.includes(queue) && questions.length > 0;
    as.hidden = !can;
    as.textContent = t(isSheet ? "sheet_one" : "sheet_many");
    const sheets = can && isSheet;
    [deciding.hidden, one_.hidden, many.hidden] = [sheets, sheets, !sheets];
    if (sheets) return sheet(many, { questions, classes, act: (some, of) => act(of, some), title: t("sheet_how_" + queue), isKept: queue === "unsure" });
    deciding.classList.toggle("empty", !one);
    answers.hidden = !one;
    if (!one) {
      renew(image, h("p.quiet.nothing", queue ? t("decide_nothing_" + queue) : "…"));
      image.classList.remove("several");
      renew(answers);
    } else {
      const all = [...one.files, one.beside].filter(Boolean);
      renew(image, all.slice(0, SHOWN).map((file) => figure(one, file)));
      image.classList.toggle("several", all.length > 1);
      renew(answers, buttons(one));
    }
    const inside = strip.contains(document.activeElement);
    // One stop for the Tab key; arrows move within.
    renew(strip, questions.slice(0, 120).map((each, n) => h(n === at ? "button.small.at" : "button.small", {
      "data-key": each.key, role: "option", tabIndex: n === at ? 0 : -1, "aria-selected": String(chosen.has(each.key)), title: each.files[0].path,
      onclick: (event) => { if (event.ctrlKey || event.metaKey || event.shiftKey) choose(n, event.shiftKey); else { at = n; draw(); } },
    }, h("img", { src: thumbnail(each.files[0]), alt: "", loading: "lazy" }))));
    if (inside) strip.querySelector(".at")?.focus({ preventScroll: true });
    // The strip alone is scrolled: the page stays where it is.
    const shown = strip.querySelector(".at");
    if (shown) strip.scrollLeft = Math.min(shown.offsetLeft - strip.offsetLeft, Math.max(strip.scrollLeft, shown.offsetLeft - strip.offsetLeft + shown.offsetWidth - strip.clientWidth));
    // The next images are there before they are asked for.
    for (const next of questions.slice(at + 1, at + 4)) new Image().src = large(next.files[0]);
  }

  // An image with what is to be known of it; of several that look alike each can be thrown away by itself.
  const figure = (one, file) => h(file === one.beside ? "figure.beside" : "figure", { "data-key": file.path },
    h("img", { src: large(file), alt: name(file.path) }),
    h("figcaption", h("b", file.class ?? ""), h("span", name(file.path)),
      file === one.beside ? h("span.quiet", t("decide_stays")) : "",
      one.conflict && one.files.length > 1
        ? h("button", { title: t("key_throw"), "aria-label": `${t("key_throw")}: ${file.class ?? ""} ${name(file.path)}`, onclick: () => act(() => [{ throw: { path: file.path } }], [one]) }, t("decide_throw"))
        : ""));

  // "closed: 4, open: 4"
  const shares = (all) => all.map(([name, n]) => t("decide_share", { name, n: number(n) })).join(t("comma"));

  // What is told of a conflict, and what can be said of it besides its class.
  function conflict(one, button) {
    const { kind, of, many, classes: stands, shares: each, can_differ: differ } = one.conflict;
    if (kind === "same_pixels") return [h("p", t("decide_same", { classes: stands.join(t("comma")) })), h("p.quiet", t("decide_same_why"))];
    const shown = kind === "odd" ? 0 : one.files.length;
    const total = kind === "odd" ? 0 : each.reduce((sum, [, n]) => sum + n, 0);
    return [
      kind === "odd"
        ? h("p", t("decide_odd", { from: one.files[0].class, to: one.likely[0][0], of: number(of), many: number(many) }))
        : h("p", t("decide_mixed", { n: number(total), shares: shares(each) })),
      total > SHOWN ? h("p.quiet", t("decide_part", { n: number(Math.min(SHOWN, shown)), of: number(total) })) : "",
      h("p.quiet", t("decide_learnt")),
      kind === "odd" ? button("A", t("decide_move_to", { to: one.likely[0][0] }), accept, ".main") : "",
      button("K", t("key_keep"), keep, kind === "odd" ? "" : ".main"),
      differ ? button("D", t("key_different"), differ_, "", t("decide_different_why")) : h("p.quiet", t("decide_too_many")),
      kind === "odd" ? button("X", t("key_throw"), toss) : "",
    ];
  }

  // The likely ones first, each with the key that it always has, if it has one.
  const choices = (one) => {
    const likely = new Map(one.likely);
    const keyed = classes.map((label, n) => [label, likely.get(label) ?? null, LETTERS[n] ?? ""]);
    const first = keyed.filter(([label, , key]) => likely.has(label) && !/^[1-9]$/.test(key));
    return [...first, ...keyed.filter((each) => each[2] && !first.includes(each))];
  };
  // What is proposed: the likeliest class. Conflicts of equal pixels and mixed groups have none.
  const proposed = (one) => (queue === "conflicts" && kind(one) !== "odd" ? null : one.likely[0]?.[0] ?? null);

  function buttons(one) {
    const button = (key, text, act, kind = "", title = null) => h("button" + kind, { "data-act": key || text[0], onclick: act, title }, key ? [h("kbd", key), " "] : "", text);
    const several = chosen.size ? h("p", h("b", t("decide_chosen", { n: number(chosen.size) })), " ", h("button.small-button", { onclick: () => { chosen.clear(); draw(); } }, t("act_clear"))) : "";
    const what = {
      candidates: () => [
        h("p", t("decide_candidate")), h("h3.answer", one.likely[0][0]),
        button("A", t("key_accept"), accept, ".main"), button("X", t("key_refuse"), toss)],
      conflicts: () => conflict(one, button),
      suspected: () => [
        h("p", t("decide_suspected", { from: one.files[0].class, to: one.likely[0][0], p: percent(one.likely[0][1], 0), q: percent(one.likely[1]?.[1], 0) })),
        button("A", t("decide_move_to", { to: one.likely[0][0] }), accept, ".main"), button("K", t("key_keep_label"), keep), button("X", t("key_throw"), toss)],
      unsure: () => [
        h("p", t("decide_unsure")), one.likely[0] ? button("A", t("decide_move_to", { to: one.likely[0][0] }), accept, ".main") : "", button("X", t("key_dismiss"), toss)],
    }[queue]();
    const list = h("div.classes", choices(one).map(([label, p, k]) => button(k, [label, p === null ? "" : h("small", " ", percent(p, 0))], () => label_(label))),
      button("M", classes.length > LETTERS.length ? t("act_more", { n: number(classes.length - LETTERS.length) }) : t("act_new"), pick));
    const steps = h("div.row", button("←", t("key_before"), () => step(-1)), button("S", t("key_skip"), () => step(1)));
    return [several, what, steps, h("h3", t({ conflicts: "decide_which", unsure: "key_class" }[queue] || "decide_class")), list];
  }

  const kind = (one) => one.conflict?.kind;
  function accept() { act((one) => { const to = proposed(one); return to ? label(one, to) : []; }); }
  async function pick() { if (!meant().length) return; const to = await pickClass(t("pick_title", { n: number(meant().length) }), classes); if (to) label_(to); }
  function step(by) { at = Math.max(0, Math.min(questions.length - 1, at + by)); draw(); }
  function toss() { act((one) => (queue !== "conflicts" || kind(one) === "odd" ? one.files.map((file) => ({ throw: { path: file.path } })) : [])); }
  function keep() { act((one) => (queue === "suspected" || ["odd", "mixed"].includes(kind(one)) ? [{ keep: { key: one.key } }] : [])); }
  function differ_() { act((one) => (one.conflict?.can_differ ? [{ different: { key: one.key } }] : [])); }
  function label_(text) { act((one) => label(one, text)); }

  // All files of the question into one class; a copy of what is there already is thrown away.
  function label(one, text) {
    const there = new Set(one.files.filter((file) => file.class === text && file.path.startsWith("photos/")).map((file) => file.digest));
    if ((queue === "suspected" || kind(one) === "odd") && one.files[0].class === text) return [{ keep: { key: one.key } }];
    const acts = [];
    for (const file of one.files) {
      if (file.path.startsWith("photos/") && file.class === text) continue;
      if (file.digest && there.has(file.digest)) acts.push({ throw: { path: file.path } });
      else { acts.push({ label: { path: file.path, class: text } }); if (file.digest) there.add(file.digest); }
    }
    return acts;
  }

  // Shown at once, done one after the other; what fails is told and comes back.
  function act(of, about = meant()) {
    // What an answer does not fit stays.
    const some = about.filter((one) => of(one).length);
    const acts = some.flatMap(of);
    if (!acts.length) return;
    for (const one of some) { answered.add(one.key); chosen.delete(one.key); }
    const first = questions.indexOf(some[0]);
    questions = questions.filter((one) => !some.includes(one));
    at = Math.max(0, Math.min(first, questions.length - 1));
    total -= some.length;
    back.disabled = false;
    draw();
    busy = busy.then(async () => {
      const done = await done_(acts, (n) => told(acts, n));
      if (!done) { for (const one of some) answered.delete(one.key); if (!ended) await load(); }
      else if (!ended && questions.length < 30 && total > questions.length) await load();
      if (!ended) counts();
    });
  }

  // What was done, in a line.
  function told(acts, n) {
    const labels = [...new Set(acts.map((one) => one.label?.class).filter(Boolean))];
    if (labels.length === 1) return t("done_moved", { n: number(acts.filter((one) => one.label).length), to: labels[0] });
    if (acts.every((one) => one.throw)) return t("done_trashed", { n: number(n) });
    return n ? t("done_files", { n: number(n) }) : t("done_answer");
  }

  let from = 0;
  function choose(n, range) {
    const one = questions[n];
    if (!one) return;
    if (range) for (let k = Math.min(from, n); k <= Math.max(from, n); k += 1) chosen.add(questions[k].key);
    else if (chosen.has(one.key)) chosen.delete(one.key);
    else chosen.add(one.key);
    from = n;
    draw();
  }

  function key(event) {
    if (event.target.closest?.("input, select, dialog") || document.querySelector("dialog[open]")) return;
    if (event.ctrlKey && event.key === "z") { event.preventDefault(); undo(); return; }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const k = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (k === "u") { event.preventDefault(); undo(); return; }
    if (isSheet && SHEETS.includes(queue)) return;
    const inside = event.target.closest?.("button, a");
    if (k === "a") accept();
    else if (k === "x") toss();
    else if (k === "k") keep();
    else if (k === "d") differ_();
    else if (k === "m" || k === "n") pick();
    else if (k === "s" || k === "ArrowRight" || k === "ArrowDown") step(1);
    else if (k === "ArrowLeft" || k === "ArrowUp") step(-1);
    else if (k === " " && !inside) choose(at, event.shiftKey);
    else if (k === "Enter" && !inside) accept();
    else if (k === "o" && question()) details(question().files[0], null, classes);
    else if (k === "Escape" && chosen.size) { chosen.clear(); draw(); }
    else if (LETTERS.includes(k) && question()) { const label = classes[LETTERS.indexOf(k)]; if (!label) return; label_(label); }
    else return;
    event.preventDefault();
  }
  addEventListener("keydown", key);
  counts().then(load).then(ready);
  const again = () => { busy = busy.then(() => ended || load()).then(() => ended || counts()); };
  const off = [
    on("album", again),
    // What was undone is asked once more, and shown.
    onActs(({ moved, isUndone }) => { if (!isUndone) return; answered.clear(); wanted = new Set(moved.map(([, to]) => to)); again(); }),
  ];
  return () => { ended = true; off.forEach((f) => f()); removeEventListener("keydown", key); };
}
