//! The seeded loop. `cargo xtask fuzz` builds and runs it.

use std::process::ExitCode;
use std::time::Duration;

use aerostat_fuzz::campaign::{Plan, campaign, compile_descriptions};
use aerostat_fuzz::{Choices, descriptions, note_panics, run_printing};

const USAGE: &str = "\
usage: aerostat-fuzz --seconds N [--seed S] [--threads N] [--stop] [--deep] [--descriptions]
       aerostat-fuzz --replay SEED [--descriptions]";

fn main() -> ExitCode {
    let arguments = match parse(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(message) => {
            eprintln!("{message}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    note_panics();
    let is_fine = match (arguments.replay, arguments.is_of_descriptions) {
        (Some(seed), false) => replay(seed),
        (Some(seed), true) => replay_description(seed),
        (None, is_of_descriptions) => {
            let Plan { seed, threads, .. } = arguments.plan;
            println!("seed {seed:#x}, {threads} threads");
            let run = if is_of_descriptions { compile_descriptions } else { campaign };
            let summary = run(arguments.plan);
            print!("{}", summary.text());
            let rare = if arguments.is_deep { summary.rare(is_of_descriptions) } else { Vec::new() };
            for text in &rare {
                println!("too rare, because the episodes should get deeper: {text}");
            }
            summary.found == 0 && rare.is_empty()
        }
    };
    if is_fine { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Repeats an episode and prints its calls. Returns whether it found nothing.
fn replay(seed: u64) -> bool {
    let report = run_printing(Choices::seeded(seed), true);
    println!("{} steps: {}", report.steps, report.finding.as_deref().unwrap_or("no finding"));
    print!("{}", report.coverage);
    report.finding.is_none()
}

/// Compiles the mutated description of a seed again and prints it. Returns whether the compiler is right.
fn replay_description(seed: u64) -> bool {
    println!("{}", descriptions::mutated(&mut Choices::seeded(seed)));
    let result = descriptions::check(Choices::seeded(seed));
    println!(
        "{}",
        match &result {
            Ok(true) => "compiled",
            Ok(false) => "rejected with messages",
            Err(error) => error,
        }
    );
    result.is_ok()
}

/// The arguments of the program.
struct Arguments {
    plan: Plan,
    /// The seed of the episode or description to repeat.
    replay: Option<u64>,
    is_of_descriptions: bool,
    /// Whether every state and method has to be reached.
    is_deep: bool,
}

fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Arguments, String> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let plan = Plan { seed: 1, time: Duration::from_secs(10), threads, stops: false };
    let mut parsed = Arguments { plan, replay: None, is_of_descriptions: false, is_deep: false };
    while let Some(argument) = arguments.next() {
        let mut value = || number(&argument, arguments.next());
        match argument.as_str() {
            "--seconds" => parsed.plan.time = Duration::from_secs(value()?),
            "--seed" => parsed.plan.seed = value()?,
            "--threads" => parsed.plan.threads = usize::try_from(value()?).map_err(|error| error.to_string())?,
            "--stop" => parsed.plan.stops = true,
            "--deep" => parsed.is_deep = true,
            "--descriptions" => parsed.is_of_descriptions = true,
            "--replay" => parsed.replay = Some(value()?),
            _ => return Err(format!("unknown argument `{argument}`")),
        }
    }
    Ok(parsed)
}

fn number(argument: &str, value: Option<String>) -> Result<u64, String> {
    let value = value.ok_or_else(|| format!("`{argument}` needs a number"))?;
    let parsed = match value.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => value.parse(),
    };
    parsed.map_err(|_| format!("`{value}` is not a number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Arguments, String> {
        parse(text.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn an_episode_or_a_description_is_repeated() {
        for (text, is_of_descriptions) in
            [("--replay 0x10", false), ("--replay 16 --descriptions", true), ("--descriptions --replay 16", true)]
        {
            let arguments = parsed(text).unwrap();
            assert_eq!((arguments.replay, arguments.is_of_descriptions), (Some(16), is_of_descriptions), "{text}");
        }
        assert!(replay_description(7));
    }

    #[test]
    fn arguments_that_do_not_exist_are_errors() {
        for text in ["--replay", "--seconds x", "--sanitize"] {
            assert!(parsed(text).is_err(), "{text}");
        }
    }
}
