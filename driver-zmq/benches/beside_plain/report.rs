//! What was measured, beside plain sockets and beside the target.

use crate::carriers::Kind;

/// One carrier's values of one quantity, a value for each round.
pub(crate) struct Series {
    pub(crate) kind: Kind,
    pub(crate) values: Vec<f64>,
}

impl Series {
    pub(crate) fn new(kind: Kind, values: Vec<f64>) -> Self {
        Self { kind, values }
    }
}

#[derive(Clone, Copy)]
pub(crate) enum Better {
    Higher,
    Lower,
}

/// What is to be reached.
#[derive(Clone, Copy)]
pub(crate) enum Target {
    /// At least this multiple of the plain value.
    Floor(f64),
    /// At most this multiple of the plain value.
    Ceiling(f64),
    /// At most so much more than the plain value.
    Surplus(f64),
}

/// A table, a line for each quantity and carrier.
#[derive(Default)]
pub(crate) struct Report {
    rows: Vec<[String; 6]>,
}

const HEADINGS: [&str; 6] = ["", "carrier", "median", "beside plain (range)", "target", ""];

impl Report {
    /// Adds a quantity. The first series is that of plain sockets.
    pub(crate) fn add(
        &mut self,
        what: &str,
        better: Better,
        series: &[Series],
        target: impl Fn(Kind) -> Option<Target>,
    ) {
        let Some(plain) = series.first() else { return };
        for (index, own) in series.iter().enumerate() {
            let what = if index == 0 { what } else { "" };
            let target = target(own.kind);
            let comparison = Comparison::of(own, plain);
            let verdict = target.map(|target| comparison.verdict(target));
            self.rows.push([
                what.to_owned(),
                own.kind.name().to_owned(),
                number(median(&own.values)),
                if index == 0 {
                    better.word().to_owned()
                } else {
                    comparison.to_string()
                },
                target.map(|target| target.to_string()).unwrap_or_default(),
                verdict.unwrap_or_default().to_owned(),
            ]);
        }
    }

    pub(crate) fn print(&self) {
        let headings = HEADINGS.map(str::to_owned);
        let rows: Vec<_> = std::iter::once(&headings).chain(&self.rows).collect();
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: [usize; 6] = std::array::from_fn(width);
        for row in rows {
            let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
            println!("{}", cells.collect::<Vec<_>>().join("  ").trim_end());
        }
    }
}

impl Better {
    fn word(self) -> &'static str {
        match self {
            Self::Higher => "(more is better)",
            Self::Lower => "(less is better)",
        }
    }
}

/// A carrier beside plain sockets: by round, because the machine's speed drifts.
struct Comparison {
    ratios: Vec<f64>,
    /// The median of the differences.
    more: f64,
}

impl Comparison {
    fn of(own: &Series, plain: &Series) -> Self {
        let pairs = || own.values.iter().zip(&plain.values);
        let differences: Vec<f64> = pairs().map(|(own, plain)| own - plain).collect();
        Self {
            ratios: pairs().map(|(own, plain)| own / plain).collect(),
            more: median(&differences),
        }
    }

    fn verdict(&self, target: Target) -> &'static str {
        let is_reached = match target {
            Target::Floor(ratio) => median(&self.ratios) >= ratio,
            Target::Ceiling(ratio) => median(&self.ratios) <= ratio,
            Target::Surplus(more) => self.more <= more,
        };
        if is_reached { "reached" } else { "MISSED" }
    }
}

impl std::fmt::Display for Comparison {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let least = self.ratios.iter().copied().fold(f64::INFINITY, f64::min);
        let most = self.ratios.iter().copied().fold(0.0, f64::max);
        write!(f, "{:.2} ({least:.2}..{most:.2})", median(&self.ratios))
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Floor(ratio) => write!(f, "at least {ratio}"),
            Self::Ceiling(ratio) => write!(f, "at most {ratio}"),
            Self::Surplus(bytes) => write!(f, "at most {bytes} more"),
        }
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => sorted[odd / 2],
        even => f64::midpoint(sorted[even / 2 - 1], sorted[even / 2]),
    }
}

/// Three digits that count.
fn number(value: f64) -> String {
    if value >= 1e6 {
        format!("{:.2} M", value / 1e6)
    } else if value >= 1e4 {
        format!("{:.1} k", value / 1e3)
    } else if value >= 100.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.2}")
    }
}
