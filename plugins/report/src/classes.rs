//! Precision, recall and F1 of each class.

use super::Words;
use super::format::count;
use maud::{Markup, html};
use plugin_api::runs::ClassResult;
use plugin_metric::{Predictions, per_class};

pub fn section(predictions: &Predictions, results: &[ClassResult], w: Words) -> Markup {
    let optimistic = results.iter().any(|result| result.optimistic > 0);
    if predictions.is_empty() {
        return html! {};
    }
    html! {
        section {
            h2 { (w.t("by_class")) }
            @if optimistic {
                p.note {
                    (w.t("optimistic_how"))
                }
            }
            div.scroll { table.plain {
                thead { tr {
                    th { (w.t("class")) }
                    th.n { (w.t("recall")) } th.bar {}
                    th.n { (w.t("precision")) } th.n { (w.t("f1")) } th.n { (w.t("images")) } th.n { (w.t("called_so")) }
                    @if optimistic { th.n { (w.t("optimistic")) } }
                } }
                tbody {
                    @for (at, (class, figures)) in predictions.classes().iter().zip(per_class(predictions)).enumerate() {
                        tr id=(format!("class-{class}")) {
                            th scope="row" { (class) }
                            td.n { (w.percent_or_dash(figures.recall)) }
                            td.bar { (bar(figures.recall)) }
                            td.n { (w.percent_or_dash(figures.precision)) }
                            td.n { (w.percent_or_dash(figures.f1)) }
                            td.n { (count(figures.support)) }
                            td.n { (count(figures.predicted)) }
                            @if optimistic { td.n { (count(results.get(at).map_or(0, |result| result.optimistic))) } }
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
    use crate::fixtures::ten;

    #[test]
    fn every_class_has_its_figures() {
        let text = section(&ten(), &[], Words::default()).into_string();
        assert!(!text.contains("Optimistic"), "{text}");
        assert!(
            text.contains("きゅんきゅん") && text.contains("66.7\u{a0}%") && text.contains("57.1\u{a0}%"),
            "{text}"
        );
        assert!(section(&Predictions::new(Vec::new()), &[], Words::default()).into_string().is_empty());
        let results = [0, 3, 0].map(|optimistic| ClassResult { images: 3, correct: 2, optimistic });
        let text = section(&ten(), &results, Words::default()).into_string();
        assert!(text.contains("near-copies on both sides") && text.contains("<td class=\"n\">3</td></tr>"), "{text}");
    }
}
