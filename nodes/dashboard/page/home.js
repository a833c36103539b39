// Home: the classes, what was classified last, the run under way, and, folded, what nodes and machine do.
import { h } from "/dom.js";
import { renew } from "/renew.js";
import { get } from "/ask.js";
import { on } from "/live.js";
import { classes } from "/classes.js";
import { recent } from "/recent.js";
import { training } from "/training.js";
import { t, word, moment, reportOf } from "/words.js";

export function show(root, parameters, ready) {
  const parts = { classes: classes(), recent: recent(), training: training() };
  const refused = h("ul.refused");
  const reports = h("p.quiet");
  const notices = h("section.card.wide", { id: "notices", tabIndex: -1 }, h("h2", t("now_notices")), parts.training.notices, h("details", { id: "refused-files" }, h("summary", t("refused_files")), refused));
  parts.classes.box.append(reports);
  root.append(parts.classes.box, parts.recent.box, parts.training.run, notices, parts.training.verdict, parts.training.machine, parts.training.nodes);

  // Every file in quarantine, with why and where it was.
  async function showRefused() {
    const all = await get("/api/refused");
    refused.replaceChildren(...(all.length ? all.map((one) => h("li", h("b", one.path), " ", h("span.tag", word("reason", one.reason)),
      h("div.quiet", one.detail ? [t("refused_detail"), " ", one.detail] : ""), h("small.quiet", t("refused_by", { node: one.stage, at: one.moved_ms ? moment(one.moved_ms) : "" })))) : [h("li.quiet", t("refused_none"))]));
  }
  const fold = notices.querySelector("details");
  fold.addEventListener("toggle", () => fold.open && showRefused());
  if (parameters.get("show") === "notices") {
    fold.open = true;
    Promise.all([parts.training.ready, parts.classes.ready, parts.recent.ready]).then(() => { notices.scrollIntoView(); notices.focus({ preventScroll: true }); });
  }
  // Reports there are.
  let [ofData, ofRun] = [false, null];
  function showReports() {
    const link = (href, text) => h("a", { href, target: "_blank", rel: "noopener" }, text);
    const all = [ofData ? link(reportOf(), t("report_data")) : null, ofRun ? link(reportOf(ofRun), t("report_run")) : null].filter(Boolean);
    renew(reports, all.length ? [t("reports"), " ", all.map((one, at) => (at ? [" · ", one] : one))] : []);
  }
  const offs = [
    on("verdict", (verdict) => { ofRun = verdict?.has_report ? verdict.run : null; showReports(); }),
    on("overview", (now) => { if (ofData !== now.has_report) { ofData = now.has_report; showReports(); } }),
  ];
  Promise.all(Object.values(parts).map((part) => part.ready)).then(ready);
  return () => { offs.forEach((f) => f()); Object.values(parts).forEach((part) => part.end()); };
}

