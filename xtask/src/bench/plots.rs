//! What was measured, drawn.

use anyhow::anyhow;
use plotters::{coord::ranged1d::ValueFormatter, prelude::*, style::text_anchor};

use super::{
    results::{By, Grows, Results, Spread, Who},
    tables::{STATES, size},
};

/// Width and height of a drawing, in pixels.
const SIZE: (u32, u32) = (960, 480);
const FONT: (&str, i32) = ("sans-serif", 14);

type Failure = DrawingAreaErrorKind<<SVGBackend<'static> as DrawingBackend>::ErrorType>;

/// All drawings, by the names of their files.
pub(super) fn all(results: &Results) -> anyhow::Result<[(&'static str, String); 2]> {
    Ok([("balloon.svg", drawn(results, balloon)?), ("growth.svg", drawn(results, growth)?)])
}

fn drawn(results: &Results, draw: fn(&mut String, &Results) -> Result<(), Failure>) -> anyhow::Result<String> {
    let mut text = String::new();
    draw(&mut text, results).map_err(|error| anyhow!("the numbers could not be drawn: {error}"))?;
    Ok(text)
}

/// Who is drawn, from left to right.
const BARS: [(Who, RGBColor); 5] = [
    (Who::FloorPages, RGBColor(190, 190, 190)),
    (Who::Device, RGBColor(110, 110, 110)),
    (Who::Aerostat, RGBColor(31, 119, 180)),
    (Who::LinuxUnzeroed, RGBColor(255, 187, 120)),
    (Who::Linux, RGBColor(255, 127, 14)),
];

/// Microseconds for each page: a bar for the median, a line from the least to the most.
fn balloon(text: &mut String, results: &Results) -> Result<(), Failure> {
    const GROUP: f64 = BARS.len() as f64 + 1.0;
    let cost = |who, group: usize| -> Option<Spread> {
        let (action, state, _) = STATES[group];
        results.cost(who, action, state, By::Wall)
    };
    let all = BARS.iter().flat_map(|(who, _)| (0..STATES.len()).filter_map(|group| cost(*who, group)));
    let highest = all.map(|spread| spread.most).fold(0.5, f64::max);
    let area = SVGBackend::with_string(text, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption("Microseconds a page (median, least to most)", ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(28)
        .y_label_area_size(48)
        .build_cartesian_2d(0.0..GROUP * STATES.len() as f64, 0.0..highest * 1.4)?;
    chart.configure_mesh().disable_x_mesh().disable_x_axis().light_line_style(WHITE).draw()?;
    for (place, (who, color)) in BARS.into_iter().enumerate() {
        let bars = (0..STATES.len()).filter_map(|group| {
            let left = group as f64 * GROUP + place as f64 + 0.5;
            Some((left, cost(who, group)?))
        });
        let bars: Vec<(f64, Spread)> = bars.collect();
        if bars.is_empty() {
            continue;
        }
        chart
            .draw_series(
                bars.iter().map(|(left, cost)| {
                    Rectangle::new([(left + 0.05, 0.0), (left + 0.95, cost.median)], color.filled())
                }),
            )?
            .label(who.name())
            .legend(move |(x, y)| Rectangle::new([(x, y - 5), (x + 12, y + 5)], color.filled()));
        chart.draw_series(
            bars.iter()
                .map(|(left, cost)| PathElement::new([(left + 0.5, cost.least), (left + 0.5, cost.most)], BLACK)),
        )?;
    }
    let (middle, below) = (text_anchor::HPos::Center, text_anchor::VPos::Top);
    let style = FONT.into_font().into_text_style(&area).pos(text_anchor::Pos::new(middle, below));
    for (group, (_, _, name)) in STATES.into_iter().enumerate() {
        let (x, y) = chart.backend_coord(&((group as f64 + 0.5) * GROUP, 0.0));
        area.draw_text(name, &style, (x, y + 6))?;
    }
    legend(&mut chart, SeriesLabelPosition::UpperRight)?;
    area.present()
}

/// What grows, and how it is called.
const LINES: [(Grows, &str, RGBColor); 4] = [
    (Grows::Inflate, "inflate by ¾ of it", RGBColor(31, 119, 180)),
    (Grows::Deflate, "deflate again", RGBColor(44, 160, 44)),
    (Grows::Probe, "bring up", RGBColor(214, 39, 40)),
    (Grows::Follow, "follow a target by 1 GiB and back", RGBColor(148, 103, 189)),
];

/// Milliseconds over the guest's memory, both logarithmic, and for each line a thin one that grows with the memory.
fn growth(text: &mut String, results: &Results) -> Result<(), Failure> {
    let points = |what| {
        let growth = results.growth.iter().filter(move |growth| growth.what == what);
        growth.filter_map(|growth| Some((growth.gib as f64, Spread::of(&growth.seconds)?.median * 1e3)))
    };
    let all = || LINES.iter().flat_map(|(what, ..)| points(*what));
    let (least, most) = all().fold((1.0_f64, 1.0_f64), |(least, most), (_, y)| (least.min(y), most.max(y)));
    let largest = all().fold(2.0_f64, |largest, (x, _)| largest.max(x));
    let area = SVGBackend::with_string(text, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption("Milliseconds, by the memory of the guest", ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(64)
        .build_cartesian_2d((1.0..largest * 1.2).log_scale().base(4.0), (least * 0.8..most * 1.5).log_scale())?;
    chart
        .configure_mesh()
        .x_label_formatter(&|gib| size(*gib as u64))
        .y_label_formatter(&|milliseconds| milliseconds.to_string())
        .light_line_style(WHITE)
        .draw()?;
    for (what, name, color) in LINES {
        let line: Vec<(f64, f64)> = points(what).collect();
        if line.is_empty() {
            continue;
        }
        if let Some((first, last)) = line.first().zip(line.last()) {
            let linear = [*first, (last.0, first.1 * last.0 / first.0)];
            chart.draw_series(LineSeries::new(linear, color.mix(0.3)))?;
        }
        chart.draw_series(line.iter().map(|point| Circle::new(*point, 3, color.filled())))?;
        chart
            .draw_series(LineSeries::new(line, color.stroke_width(2)))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], color.stroke_width(2)));
    }
    legend(&mut chart, SeriesLabelPosition::UpperLeft)?;
    area.present()
}

/// Says what the colours are.
fn legend<'a, X, Y>(
    chart: &mut ChartContext<'a, SVGBackend<'a>, Cartesian2d<X, Y>>,
    place: SeriesLabelPosition,
) -> Result<(), Failure>
where
    X: Ranged<ValueType = f64> + ValueFormatter<f64>,
    Y: Ranged<ValueType = f64> + ValueFormatter<f64>,
{
    chart
        .configure_series_labels()
        .position(place)
        .label_font(FONT)
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK.mix(0.3))
        .draw()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::bench::{
        clock::Took,
        results::{Action, Growth, Setup, State},
    };

    #[test]
    fn what_was_measured_is_in_the_drawings_and_nothing_else() {
        let mut results =
            Results { setup: Setup { memory_mib: 2, target_mib: 1, ..Setup::default() }, ..Results::default() };
        results.note(
            Who::Aerostat,
            Action::Inflate,
            State::Touched,
            Took { wall: Duration::from_secs(1), ..Took::default() },
        );
        results.growth.push(Growth { what: Grows::Follow, gib: 1024, seconds: vec![0.5] });
        let [(_, balloon), (_, growth)] = all(&results).unwrap();
        assert!(balloon.contains("Aerostat") && !balloon.contains("Linux"), "{balloon}");
        assert!(growth.contains("follow a target") && !growth.contains("deflate"), "{growth}");
    }

    #[test]
    fn nothing_can_be_drawn_too() {
        assert!(all(&Results::default()).is_ok());
    }
}
