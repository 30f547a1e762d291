//! The seeded loop. `cargo xtask fuzz` builds and runs it.

use std::process::ExitCode;
use std::time::Duration;

use aerostat_fuzz::campaign::{Plan, Summary, campaign, compile_descriptions};
use aerostat_fuzz::{Choices, note_panics, run_printing};

const USAGE: &str = "\
usage: aerostat-fuzz --seconds N [--seed S] [--threads N] [--stop] [--descriptions]
       aerostat-fuzz --replay SEED";

fn main() -> ExitCode {
    match parse(std::env::args().skip(1)) {
        Ok(Command::Run(run, plan)) => {
            note_panics();
            println!("seed {:#x}, {} threads", plan.seed, plan.threads);
            let summary = run(plan);
            print!("{}", summary.text());
            if summary.found == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Ok(Command::Replay(seed)) => {
            note_panics();
            let report = run_printing(Choices::seeded(seed), true);
            println!("{} steps: {}", report.steps, report.finding.as_deref().unwrap_or("no finding"));
            print!("{}", report.coverage);
            if report.finding.is_none() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(message) => {
            eprintln!("{message}\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

enum Command {
    Run(fn(Plan) -> Summary, Plan),
    Replay(u64),
}

fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Command, String> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut plan = Plan { seed: 1, time: Duration::from_secs(10), threads, stops: false };
    let mut run: fn(Plan) -> Summary = campaign;
    while let Some(argument) = arguments.next() {
        let mut value = || number(&argument, arguments.next());
        match argument.as_str() {
            "--seconds" => plan.time = Duration::from_secs(value()?),
            "--seed" => plan.seed = value()?,
            "--threads" => plan.threads = usize::try_from(value()?).map_err(|error| error.to_string())?,
            "--descriptions" => run = compile_descriptions,
            "--stop" => plan.stops = true,
            "--replay" => return Ok(Command::Replay(value()?)),
            _ => return Err(format!("unknown argument `{argument}`")),
        }
    }
    Ok(Command::Run(run, plan))
}

fn number(argument: &str, value: Option<String>) -> Result<u64, String> {
    let value = value.ok_or_else(|| format!("`{argument}` needs a number"))?;
    let parsed = match value.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => value.parse(),
    };
    parsed.map_err(|_| format!("`{value}` is not a number"))
}
