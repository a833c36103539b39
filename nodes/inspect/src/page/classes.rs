//! Classes: how many images each has, and what is wrong with that.

use super::Report;
use crate::find::classes::{Class, warnings};
use maud::{Markup, html};
use plugin_report::Words;
use plugin_report::format::{count, encoded};

pub fn section(report: &Report, w: Words) -> Markup {
    let classes = &report.classes;
    let largest = classes.iter().map(|c| c.images).max().unwrap_or(0).max(1);
    let conflicts = classes.iter().any(|c| c.conflicts > 0);
    html! {
        section id="classes" {
            h2 { (w.t("classes")) }
            @for (title, text) in warnings(classes, w) {
                div.warning { strong { (title) } p { (text) } }
            }
            @if classes.is_empty() {
                p.note { (w.t("no_class")) }
            } @else {
                div.scroll { table.plain.counts {
                    thead { tr {
                        th { (w.t("class")) } th.n { (w.t("images")) } th.n { (w.t("training")) } th.n { (w.t("validation")) } th.n { (w.t("test")) }
                        @if conflicts { th.n { (w.t("in_several")) } }
                        th.bar {}
                    } }
                    tbody { @for class in classes { (row(class, conflicts, largest)) } }
                } }
            }
        }
    }
}

fn row(class: &Class, conflicts: bool, largest: u64) -> Markup {
    html! {
        tr id=(format!("class-{}", class.name)) {
            th scope="row" { a href=(format!("../{}", encoded(&format!("photos/{}/", class.name)))) { (class.name) } }
            td.n { (count(class.images)) }
            @for split in class.splits { td.n { (count(split)) } }
            @if conflicts { td.n { @if class.conflicts > 0 { (count(class.conflicts)) } } }
            td.bar { span.stack {
                @for (part, n) in ["train", "validation", "test"].iter().zip(class.splits) {
                    span class=(part) style=(format!("width:{:.2}%", n as f64 / largest as f64 * 100.0)) {}
                }
            } }
        }
    }
}
