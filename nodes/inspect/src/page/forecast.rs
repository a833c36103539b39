//! What more images of each class would bring.

use maud::{Markup, html};
use plugin_forecast::{ClassForecast, Confusion, Expected, Forecast, Forecasts};
use plugin_report::format::{count, encoded, percent};

pub fn section(forecasts: &Forecasts) -> Markup {
    html! {
        section id="forecast" {
            h2 { "What more images would bring" }
            p.note {
                "Images predicted correctly, each by a head that was not trained on it, and what curves through heads on parts of \
                 the images promise for more of the same kind, with 95\u{a0}% intervals. A class that would gain much is short of \
                 images; one that would gain little and is taken for another needs clearer ones."
            }
            div.scroll { table.plain.counts {
                thead { tr {
                    th { "Class" } th.n { "Images" } th.n { "Now" } th.n { "With twice as many" } th.n { "With four times" }
                    th { "Taken for" }
                } }
                tbody {
                    @for class in &forecasts.classes { (row(class)) }
                    tr {
                        th scope="row" { "All" }
                        td.n { (count(forecasts.images)) }
                        td.n { (percent(forecasts.accuracy)) }
                        (cells(Some(&forecasts.forecast)))
                        td {}
                    }
                }
            } }
        }
    }
}

fn row(of: &ClassForecast) -> Markup {
    html! {
        tr {
            th scope="row" { a href=(format!("../{}", encoded(&format!("photos/{}/", of.class)))) { (of.class) } }
            td.n { (count(of.images)) }
            td.n { (percent(of.accuracy)) }
            (cells(of.forecast.as_ref()))
            td { (taken_for(&of.taken_for)) }
        }
    }
}

fn cells(forecast: Option<&Forecast>) -> Markup {
    html! {
        @match forecast {
            Some(Forecast { twice, four_times }) => {
                td.n { (interval(twice)) }
                td.n { (interval(four_times)) }
            },
            None => td.n colspan="2" { "too few images to tell" },
        }
    }
}

fn interval(expected: &Expected) -> String {
    let Expected { accuracy, low, high } = expected;
    format!("{} ({} to {})", percent(*accuracy), percent(*low), percent(*high))
}

fn taken_for(confusions: &[Confusion]) -> String {
    let one = |confusion: &Confusion| format!("{} {}", confusion.class, percent(confusion.share));
    confusions.iter().map(one).collect::<Vec<_>>().join(", ")
}
