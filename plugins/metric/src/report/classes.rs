//! Precision, recall and F1 of each class.

use super::format::{count, percent_or_dash};
use crate::{Judged, per_class};
use maud::{Markup, html};

pub fn section(judged: &Judged) -> Markup {
    if judged.is_empty() {
        return html! {};
    }
    html! {
        section {
            h2 { "Class by class" }
            div.scroll { table.plain {
                thead { tr {
                    th { "Class" }
                    th.n { "Recall" } th.bar {}
                    th.n { "Precision" } th.n { "F1" } th.n { "Pictures" } th.n { "Called so" }
                } }
                tbody {
                    @for (class, figures) in judged.classes().iter().zip(per_class(judged)) {
                        tr {
                            th scope="row" { (class) }
                            td.n { (percent_or_dash(figures.recall)) }
                            td.bar { (bar(figures.recall)) }
                            td.n { (percent_or_dash(figures.precision)) }
                            td.n { (percent_or_dash(figures.f1)) }
                            td.n { (count(figures.support)) }
                            td.n { (count(figures.predicted)) }
                        }
                    }
                }
            } }
        }
    }
}

fn bar(share: Option<f64>) -> Markup {
    html! {
        @if let Some(share) = share {
            span.track { span style=(format!("width:{:.1}%", share * 100.0)) {} }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judged::tests::ten;

    #[test]
    fn every_class_has_its_figures() {
        let text = section(&ten()).into_string();
        assert!(
            text.contains("きゅんきゅん") && text.contains("66.7\u{a0}%") && text.contains("57.1\u{a0}%"),
            "{text}"
        );
        assert!(section(&Judged::new(Vec::new())).into_string().is_empty());
    }
}
