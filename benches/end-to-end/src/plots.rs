//! Plots of the results.

use anyhow::anyhow;
use plotters::{
    coord::{Shift, combinators::LogCoord, ranged1d::ValueFormatter, types::RangedCoordf64},
    prelude::*,
    style::text_anchor,
};

use super::{
    curve::Curve,
    results::{Operation, Results, STATES, Spread, System, TimeKind},
    tables::size,
};

/// Width and height of a plot, in pixels.
const SIZE: (u32, u32) = (960, 480);
const FONT: (&str, i32) = ("sans-serif", 14);

type Failure = DrawingAreaErrorKind<<SVGBackend<'static> as DrawingBackend>::ErrorType>;

/// Returns all plots with their file names.
pub(crate) fn all(results: &Results) -> anyhow::Result<[(&'static str, String); 4]> {
    Ok([
        ("memory.svg", plot(results, memory)?),
        ("report-first.svg", plot(results, report_first)?),
        ("balloon.svg", plot(results, balloon)?),
        ("growth.svg", plot(results, growth)?),
    ])
}

fn plot(results: &Results, draw: fn(&mut String, &Results) -> Result<(), Failure>) -> anyhow::Result<String> {
    let mut text = String::new();
    draw(&mut text, results).map_err(|error| anyhow!("failed to plot the results: {error}"))?;
    Ok(text)
}

/// A curve of resident memory: its system, with its name and color in the plot.
type CurveOf = (System, &'static str, RGBColor);
/// The curves of inflation.
const CURVES: [CurveOf; 4] = [
    (System::AerostatBlocks, "Aerostat, block inflation", RGBColor(44, 160, 44)),
    (System::Aerostat, "Aerostat, page arrays", RGBColor(31, 119, 180)),
    (System::LinuxUnzeroed, "Linux, init_on_alloc=0", RGBColor(255, 187, 120)),
    (System::Linux, "Linux", RGBColor(255, 127, 14)),
];
/// The curves of a report before inflation.
const REPORT_FIRST: [CurveOf; 2] = [
    (System::AerostatReportFirst, "report, then inflate", RGBColor(44, 160, 44)),
    (System::Aerostat, "inflate", RGBColor(31, 119, 180)),
];
/// The left edge of the plot, in milliseconds. Zero is not on a logarithmic axis.
const SOONEST: f64 = 0.1;

fn memory(text: &mut String, results: &Results) -> Result<(), Failure> {
    let setup = &results.setup;
    let title = format!(
        "Memory of QEMU on the host after it sets the target of a guest of {} MiB to {} MiB",
        setup.memory_mib, setup.target_mib
    );
    over_time(text, &title, &results.curves, &CURVES)
}

fn report_first(text: &mut String, results: &Results) -> Result<(), Failure> {
    let setup = &results.setup;
    let taken = setup.memory_mib - setup.target_mib;
    let title = format!("Memory of QEMU on the host while a guest of {} MiB returns {taken} MiB", setup.memory_mib);
    over_time(text, &title, &results.report_first, &REPORT_FIRST)
}

/// Plots resident memory over time, with a logarithmic axis, so that times which differ by a factor of a hundred can be compared.
fn over_time(text: &mut String, title: &str, curves: &[Curve], names: &[CurveOf]) -> Result<(), Failure> {
    let points = curves.iter().flat_map(|curve| &curve.points.0);
    let (latest, most) = points.fold((10.0_f64, 1_u64), |(latest, most), (at, mib)| (latest.max(*at), most.max(*mib)));
    let (latest, most) = (latest * 1.5, most as f64 * 1.05);
    let area = SVGBackend::with_string(text, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption(title, ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(64)
        .build_cartesian_2d((SOONEST..latest).log_scale(), 0.0..most)?;
    chart
        .configure_mesh()
        .x_label_formatter(&|milliseconds| time(*milliseconds))
        .x_labels(8)
        .x_desc("time (logarithmic)")
        .y_label_formatter(&|mib| format!("{mib:.0} MiB"))
        .light_line_style(WHITE)
        .label_style(FONT)
        .draw()?;
    for &(system, name, color) in names {
        let Some(curve) = curves.iter().find(|curve| curve.system == system) else { continue };
        let points = curve.points.0.iter().map(|(at, mib)| (at.max(SOONEST), *mib as f64));
        let end = curve.points.0.last().map(|(_, mib)| (latest, *mib as f64));
        chart
            .draw_series(LineSeries::new(points.chain(end), color.stroke_width(3)))?
            .label(format!("{name}: {}", time(curve.seconds * 1e3)))
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], color.stroke_width(3)));
    }
    legend(&mut chart, SeriesLabelPosition::LowerLeft)?;
    area.present()
}

/// Formats a time with two significant digits.
fn time(milliseconds: f64) -> String {
    match milliseconds {
        ..0.95 => format!("{milliseconds:.1} ms"),
        ..9.5 => format!("{} ms", (milliseconds * 10.0).round() / 10.0),
        ..950.0 => format!("{milliseconds:.0} ms"),
        _ => format!("{} s", (milliseconds / 100.0).round() / 10.0),
    }
}

/// The systems in the plot of costs, from left to right.
const BARS: [(System, RGBColor); 5] = [
    (System::HostPages, RGBColor(190, 190, 190)),
    (System::Device, RGBColor(110, 110, 110)),
    (System::Aerostat, RGBColor(31, 119, 180)),
    (System::LinuxUnzeroed, RGBColor(255, 187, 120)),
    (System::Linux, RGBColor(255, 127, 14)),
];

/// Width of a group: its bars and a gap, each of width 1.
const GROUP: f64 = BARS.len() as f64 + 1.0;

type Chart<'a, X, Y> = ChartContext<'a, SVGBackend<'a>, Cartesian2d<X, Y>>;
type LinearChart<'a> = Chart<'a, RangedCoordf64, RangedCoordf64>;
type LogChart<'a> = Chart<'a, LogCoord<f64>, LogCoord<f64>>;

/// Plots microseconds per page: a bar for the median, a line from the least to the most.
fn balloon(text: &mut String, results: &Results) -> Result<(), Failure> {
    let all = BARS.iter().flat_map(|(system, _)| (0..STATES.len()).filter_map(|group| cost(results, *system, group)));
    let highest = all.map(|spread| spread.most).fold(0.5, f64::max);
    let area = SVGBackend::with_string(text, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption("Microseconds per page (median, minimum to maximum)", ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(28)
        .y_label_area_size(48)
        .build_cartesian_2d(0.0..GROUP * STATES.len() as f64, 0.0..highest * 1.4)?;
    chart.configure_mesh().disable_x_mesh().disable_x_axis().light_line_style(WHITE).draw()?;
    for (place, (system, color)) in BARS.into_iter().enumerate() {
        let bars = (0..STATES.len()).filter_map(|group| {
            let left = group as f64 * GROUP + place as f64 + 0.5;
            Some((left, cost(results, system, group)?))
        });
        bars_of(&mut chart, system, color, &bars.collect::<Vec<_>>())?;
    }
    group_names(&area, &chart)?;
    legend(&mut chart, SeriesLabelPosition::UpperRight)?;
    area.present()
}

/// Returns the cost of a system in a group of the plot.
fn cost(results: &Results, system: System, group: usize) -> Option<Spread> {
    let (action, state, _) = STATES[group];
    results.cost(system, action, state, TimeKind::Wall)
}

/// Draws the bars of one system, if there are any. Each has its left edge.
fn bars_of(
    chart: &mut LinearChart<'_>,
    system: System,
    color: RGBColor,
    bars: &[(f64, Spread)],
) -> Result<(), Failure> {
    if bars.is_empty() {
        return Ok(());
    }
    let bar =
        |(left, cost): &(f64, Spread)| Rectangle::new([(left + 0.05, 0.0), (left + 0.95, cost.median)], color.filled());
    chart
        .draw_series(bars.iter().map(bar))?
        .label(system.name())
        .legend(move |(x, y)| Rectangle::new([(x, y - 5), (x + 12, y + 5)], color.filled()));
    let range =
        |(left, cost): &(f64, Spread)| PathElement::new([(left + 0.5, cost.least), (left + 0.5, cost.most)], BLACK);
    chart.draw_series(bars.iter().map(range))?;
    Ok(())
}

/// Writes the name of each group below the chart.
fn group_names<'a>(area: &DrawingArea<SVGBackend<'a>, Shift>, chart: &LinearChart<'a>) -> Result<(), Failure> {
    let (middle, below) = (text_anchor::HPos::Center, text_anchor::VPos::Top);
    let style = FONT.into_font().into_text_style(area).pos(text_anchor::Pos::new(middle, below));
    for (group, (_, _, name)) in STATES.into_iter().enumerate() {
        let (x, y) = chart.backend_coord(&((group as f64 + 0.5) * GROUP, 0.0));
        area.draw_text(name, &style, (x, y + 6))?;
    }
    Ok(())
}

/// The lines of the plot, with their labels.
const LINES: [(Operation, &str, RGBColor); 5] = [
    (Operation::Inflate, "inflate by ¾ of it", RGBColor(31, 119, 180)),
    (Operation::Deflate, "deflate again", RGBColor(44, 160, 44)),
    (Operation::Probe, "probe", RGBColor(214, 39, 40)),
    (Operation::Follow, "follow a target by 1 GiB and back", RGBColor(148, 103, 189)),
    (Operation::FollowBlocks, "the same by whole blocks", RGBColor(23, 190, 207)),
];

/// Plots milliseconds over the guest's memory, both logarithmic. A thin line beside each line shows linear growth.
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
        line(&mut chart, name, color, &points(what).collect::<Vec<_>>())?;
    }
    legend(&mut chart, SeriesLabelPosition::UpperLeft)?;
    area.present()
}

/// Draws one line and the thin line of linear growth from its first point, if it has any points.
fn line(chart: &mut LogChart<'_>, name: &str, color: RGBColor, points: &[(f64, f64)]) -> Result<(), Failure> {
    let Some((first, last)) = points.first().zip(points.last()) else { return Ok(()) };
    let linear = [*first, (last.0, first.1 * last.0 / first.0)];
    chart.draw_series(LineSeries::new(linear, color.mix(0.3)))?;
    chart.draw_series(points.iter().map(|point| Circle::new(*point, 3, color.filled())))?;
    chart
        .draw_series(LineSeries::new(points.iter().copied(), color.stroke_width(2)))?
        .label(name)
        .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], color.stroke_width(2)));
    Ok(())
}

/// Draws the legend.
fn legend<'a, X, Y>(chart: &mut Chart<'a, X, Y>, place: SeriesLabelPosition) -> Result<(), Failure>
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
    use crate::{
        clock::Elapsed,
        curve::Points,
        results::{Action, Growth, Setup, State},
    };

    #[test]
    fn only_measured_values_are_plotted() {
        let mut results =
            Results { setup: Setup { memory_mib: 2, target_mib: 1, ..Setup::default() }, ..Results::default() };
        results.note(
            System::Aerostat,
            Action::Inflate,
            State::Touched,
            Elapsed { wall: Duration::from_secs(1), ..Elapsed::default() },
        );
        results.growth.push(Growth { what: Operation::Follow, gib: 1024, seconds: vec![0.5] });
        let points = Points(vec![(0.0, 1040), (3.0, 1040), (5.0, 270)]);
        results.curves.push(Curve { system: System::AerostatBlocks, seconds: 0.0053, points });
        let [(_, memory), (_, report_first), (_, balloon), (_, growth)] = all(&results).unwrap();
        assert!(!report_first.contains("inflate"), "{report_first}");
        assert!(memory.contains("block inflation: 5.3 ms") && !memory.contains("Linux"), "{memory}");
        assert!(balloon.contains("Aerostat") && !balloon.contains("Linux"), "{balloon}");
        assert!(growth.contains("follow a target") && !growth.contains("deflate"), "{growth}");
    }

    #[test]
    fn empty_results_can_be_plotted() {
        assert!(all(&Results::default()).is_ok());
    }
}
