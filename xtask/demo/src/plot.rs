//! Plots memory over time.

use std::path::Path;

use anyhow::anyhow;
use plotters::prelude::*;

use xtask_common::bytes::Bytes;

use super::run::Sample;

/// Width and height of the plot, in pixels.
const SIZE: (u32, u32) = (960, 480);

/// The value of a sample that a curve shows.
type Amount = fn(&Sample) -> Bytes;

/// Plots `samples` of a guest of `memory` to `file`.
pub(crate) fn draw(file: &Path, memory: Bytes, samples: &[Sample]) -> anyhow::Result<()> {
    let text = svg(memory, samples)?;
    std::fs::write(file, text).map_err(|error| anyhow!("failed to write {}: {error}", file.display()))
}

fn svg(memory: Bytes, samples: &[Sample]) -> anyhow::Result<String> {
    let mut text = String::new();
    render(&mut text, memory, samples).map_err(|error| anyhow!("failed to plot memory over time: {error}"))?;
    Ok(text)
}

fn render(
    text: &mut String,
    memory: Bytes,
    samples: &[Sample],
) -> Result<(), DrawingAreaErrorKind<<SVGBackend<'static> as DrawingBackend>::ErrorType>> {
    let seconds = samples.last().map_or(0.0, |sample| sample.at.as_secs_f64()).max(0.1);
    let highest = samples.iter().map(|sample| sample.readings.resident).max().unwrap_or(memory).max(memory);
    let area = SVGBackend::with_string(text, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    #[expect(clippy::cast_precision_loss, reason = "52 bits are precise enough for a plot")]
    let mib = |amount: Bytes| amount.mib() as f64;
    let mut chart = ChartBuilder::on(&area)
        .caption(format!("A guest of {memory} and its balloon"), ("sans-serif", 20))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(64)
        .build_cartesian_2d(0.0..seconds, 0.0..mib(highest) * 1.05)?;
    chart.configure_mesh().x_desc("seconds").y_desc("MiB").light_line_style(WHITE).draw()?;
    let curves: [(&str, RGBColor, Amount); 3] = [
        ("target", RGBColor(150, 150, 150), |sample| sample.target),
        ("guest has", RGBColor(31, 119, 180), |sample| sample.readings.actual),
        ("resident on the host", RGBColor(214, 39, 40), |sample| sample.readings.resident),
    ];
    for (name, color, amount) in curves {
        let points = samples.iter().map(|sample| (sample.at.as_secs_f64(), mib(amount(sample))));
        chart
            .draw_series(LineSeries::new(points, color.stroke_width(2)))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], color.stroke_width(2)));
    }
    chart.configure_series_labels().background_style(WHITE.mix(0.8)).border_style(BLACK.mix(0.3)).draw()?;
    area.present()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::run::Readings;

    #[test]
    fn the_drawing_has_three_curves_and_says_what_they_are() {
        let sample = |seconds, mib| Sample {
            at: Duration::from_secs(seconds),
            target: Bytes::from_mib(256),
            readings: Readings { actual: Bytes::from_mib(mib), statistics: None, resident: Bytes::from_mib(mib + 40) },
        };
        let svg = svg(Bytes::from_mib(1024), &[sample(0, 1024), sample(1, 600), sample(2, 256)]).unwrap();
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
        for name in ["target", "guest has", "resident on the host", "seconds", "MiB"] {
            assert!(svg.contains(name), "{name:?} is missing");
        }
        assert!(svg.matches("<polyline").count() >= 3);
    }

    #[test]
    fn a_run_without_samples_can_be_plotted() {
        assert!(svg(Bytes::from_mib(1024), &[]).unwrap().starts_with("<svg"));
    }
}
