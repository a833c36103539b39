//! What more images of each class would bring.

use maud::{Markup, html};
use plugin_forecast::{ClassForecast, Confusion, Expected, Forecast, Forecasts};
use plugin_report::Words;
use plugin_report::format::{count, encoded};

pub fn section(forecasts: &Forecasts, w: Words) -> Markup {
    html! {
        section id="forecast" {
            h2 { (w.t("forecast")) }
            p.note {
                (w.t("forecast_how"))
            }
            div.scroll { table.plain.counts {
                thead { tr {
                    th { (w.t("class")) } th.n { (w.t("images_now")) } th.n { (w.t("now")) } th.n { (w.t("twice")) } th.n { (w.t("four_times")) }
                    th { (w.t("taken_for")) }
                } }
                tbody {
                    @for class in &forecasts.classes { (row(class, w)) }
                    tr {
                        th scope="row" { (w.t("all")) }
                        td.n { (count(forecasts.images)) }
                        td.n { (w.percent(forecasts.accuracy)) }
                        (cells(Some(&forecasts.forecast), w))
                        td {}
                    }
                }
            } }
        }
    }
}

fn row(of: &ClassForecast, w: Words) -> Markup {
    html! {
        tr {
            th scope="row" { a href=(format!("../{}", encoded(&format!("photos/{}/", of.class)))) { (of.class) } }
            td.n { (count(of.images)) }
            td.n { (w.percent(of.accuracy)) }
            (cells(of.forecast.as_ref(), w))
            td { (taken_for(&of.taken_for, w)) }
        }
    }
}

fn cells(forecast: Option<&Forecast>, w: Words) -> Markup {
    html! {
        @match forecast {
            Some(Forecast { twice, four_times }) => {
                td.n { (interval(twice, w)) }
                td.n { (interval(four_times, w)) }
            },
            None => td.n colspan="2" { (w.t("too_few")) },
        }
    }
}

fn interval(expected: &Expected, w: Words) -> String {
    let Expected { accuracy, low, high } = expected;
    let [accuracy, low, high] = [accuracy, low, high].map(|share| w.percent(*share).into());
    w.with("expected", [("accuracy", accuracy), ("low", low), ("high", high)])
}

fn taken_for(confusions: &[Confusion], w: Words) -> String {
    let one = |confusion: &Confusion| format!("{} {}", confusion.class, w.percent(confusion.share));
    confusions.iter().map(one).collect::<Vec<_>>().join(w.comma())
}
