// Classes in a table: how many, how well known, what they are confused with, what would help; made, renamed, merged, deleted.
import { h } from "/dom.js";
import { renew } from "/renew.js";
import { get, query } from "/ask.js";
import { on } from "/live.js";
import { create, onActs, pickClass, prompt, remove, rename } from "/acts.js";
import { limits, picked, takesDrops, upload } from "/upload.js";
import { t, bytes, number, percent, reportOf } from "/words.js";

const PARTS = ["train", "validation", "test"];

export function classes() {
  const rows = h("tbody");
  const state = h("p.quiet", { role: "status" });
  const start = h("div.start");
  const count = h("span.quiet");
  let [all, ended, generation, ofData, ofRun] = [[], false, undefined, false, null];
  const file = h("input", { type: "file", multiple: true, className: "unseen", tabIndex: -1, "aria-hidden": "true" });
  const box = h("section.card.wide.classes-card",
    h("div.row", h("h2", t("classes")), count, h("span.grow"), h("button", { id: "new-class", onclick: make }, t("classes_new"))),
    start,
    h("div.classlist-box", h("table.classlist", h("thead", h("tr", ["class", "images", "recall", "taken_for", "advice", ""].map((name) => h("th", name ? t(`classes_${name}`) : h("span.sr", t("classes_acts")))))), rows)),
    state, file);

  const names = () => all.map((one) => one.class);
  const told = (n, of) => { state.textContent = n < of ? t("upload_progress", { n: number(n), of: number(of) }) : ""; };
  const add = (files, label) => upload(files, () => label, told);
  async function make() {
    const name = await prompt(t("classes_new_name"), "", t("classes_new"));
    if (name) create(name);
  }
  async function call(one) {
    const to = await prompt(t("classes_rename_to", { name: one.class }), one.class, t("classes_rename"));
    if (to && to !== one.class) rename(one.class, to);
  }
  async function merge(one) {
    const to = await pickClass(t("classes_merge_into", { name: one.class }), names().filter((name) => name !== one.class), { isNew: false });
    if (to) rename(one.class, to);
  }
  function choose(label) {
    file.onchange = async () => { await add(await picked(file.files), label); file.value = ""; };
    file.click();
  }

  // Images by split as a bar; the widths show the shares of the largest class.
  function bar(one, most) {
    const part = (name) => { const share = h(`i.${name}`); share.style.width = `${most ? (100 * one[name]) / most : 0}%`; return share; };
    return h("div.parts", { title: PARTS.map((name) => `${t("split_" + name)} ${number(one[name])}`).join(" · ") }, PARTS.map(part));
  }
  const recall = (of) => (of
    ? [h("b", percent(of.value, 0)), " ", h("small.quiet", t("classes_interval", { low: percent(of.interval[0], 0), high: percent(of.interval[1], 0), n: number(of.images) }))]
    : h("span.quiet", "–"));
  const advice = (one) => {
    const { code, images, then } = one.advice;
    return h("span", { className: code === "enough" ? "quiet" : "advice" }, t(`advice_${code}`, { n: number(images), then: percent(then, 0), low: percent(one.forecast?.four_times.low, 0), high: percent(one.forecast?.four_times.high, 0) }));
  };

  // The class in the reports: how many there are and what is wrong with them, and how the last run did.
  const reports = (label) => [ofData && h("a", { href: reportOf(null, label), target: "_blank", rel: "noopener" }, t("report_data")),
    ofRun && h("a", { href: reportOf(ofRun, label), target: "_blank", rel: "noopener" }, t("report_run"))].filter(Boolean);

  function row(one, most) {
    const open = `#images?${query({ class: one.class })}`;
    const act = (name, run, kind = "") => h("button.small-button" + kind, { "data-act": name, onclick: run }, t(`classes_${name}`));
    const tr = h("tr",
      h("td.name", { "data-title": t("classes_class") }, h("a", { href: open }, h("span.faces", one.examples.slice().reverse().map((digest) => h("img", { src: `/thumbnail/${digest}`, alt: "", loading: "lazy" }))), h("b", one.class))),
      h("td", { "data-title": t("classes_images") }, h("span", number(one.files)), " ", h("small.quiet", t("classes_split", { test: number(one.test), validation: number(one.validation) })), bar(one, most)),
      h("td", { "data-title": t("classes_recall") }, recall(one.recall)),
      h("td", { "data-title": t("classes_taken_for") }, one.taken_for.length ? one.taken_for.map((other) => h("div", other.class, " ", h("span.quiet", percent(other.share, 0)))) : h("span.quiet", "–")),
      h("td", { "data-title": t("classes_advice") }, advice(one), one.suspected ? [" ", h("a", { href: `#images?${query({ class: one.class, flag: "suspected" })}` }, t("classes_suspected", { n: number(one.suspected) }))] : "", h("div.reports", reports(one.class).flatMap((link, at) => (at ? [" · ", link] : [t("reports"), " ", link])))),
      h("td.acts", h("div", act("add", () => choose(one.class)), act("rename", () => call(one)), act("merge", () => merge(one)), act("delete", () => remove(one.class)))));
    tr.dataset.class = one.class;
    takesDrops(tr, (files) => add(files, one.class));
    return tr;
  }

  function draw() {
    const most = Math.max(1, ...all.map((one) => one.files));
    count.textContent = all.length ? t("classes_count", { n: number(all.length), images: number(all.reduce((sum, one) => sum + one.files, 0)) }) : "";
    rows.parentElement.hidden = !all.length;
    renew(rows, all.map((one) => row(one, most)));
    start.hidden = all.length > 1;
  }

  async function load() {
    const found = await get("/api/classes");
    if (ended) return;
    all = found.classes;
    draw();
  }

  // An empty workspace: what to do first.
  async function begin(workspace) {
    const { max_bytes: size, max_files: files } = await limits();
    const copy = h("button.small-button", { onclick: () => navigator.clipboard?.writeText(`${workspace}/photos`) }, t("copy"));
    const zone = h("button.drop", { onclick: () => { folder.click(); } }, h("b", t("start_drop")), h("span.quiet", t("start_limits", { size: bytes(size), n: number(files) })));
    const byFolder = (one) => one.folder || null;
    const folder = h("input", { type: "file", webkitdirectory: true, className: "unseen", tabIndex: -1, "aria-hidden": "true", onchange: async () => upload(await picked(folder.files), byFolder, told) });
    start.replaceChildren(h("p", t("start_how")), h("p", h("code", `${workspace}/photos/`), " ", copy), zone, folder);
  }

  // Folders dropped beside the rows are classes by their names.
  takesDrops(box, (found) => upload(found, (one) => one.folder || null, told));
  let began;
  const off = [
    on("album", (now) => { if (generation !== now) { generation = now; load(); } }),
    on("verdict", (verdict) => { ofRun = verdict?.has_report ? verdict.run : null; load(); }),
    on("overview", (now) => { if (ofData !== now.has_report) { ofData = now.has_report; draw(); } if (began !== now.workspace) { began = now.workspace; begin(now.workspace); } }),
    onActs(load),
  ];
  return { box, ready: load(), end() { ended = true; off.forEach((f) => f()); } };
}
