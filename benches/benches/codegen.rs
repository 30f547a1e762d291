//! The compiler for descriptions, in lines of description per second, and what the description of the balloon costs a build.
#![allow(missing_docs, reason = "the macros of criterion define public functions")]

use std::hint::black_box;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use aerostat_codegen::{Source, Spans, Target, compile_text, parse_text};
use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};

/// A description file: its name and its text.
type File = (String, String);

fn descriptions() -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let entries = std::fs::read_dir(root.join("spec/vspec")).expect("the folder of the descriptions");
    let paths = entries.map(|entry| entry.expect("a readable folder").path());
    let mut files: Vec<File> = paths
        .map(|path| {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
            (name.unwrap_or_default(), std::fs::read_to_string(path).expect("a readable description"))
        })
        .collect();
    files.sort();
    files
}

fn compile((path, text): &File, target: &Target) {
    black_box(compile_text(&Source { path, text: black_box(text) }, target).expect("a valid description"));
}

fn parse((path, text): &File) {
    black_box(parse_text(&Source { path, text: black_box(text) }).expect("a valid description"));
}

fn lines(files: &[File]) -> u64 {
    files.iter().map(|(_, text)| text.lines().count() as u64).sum()
}

fn codegen(criterion: &mut Criterion) {
    let all = descriptions();
    let balloon: Vec<File> = all.iter().filter(|(name, _)| name == "balloon.vspec").cloned().collect();
    let path = Some("vspec/name.vspec".to_owned());
    let target = Target { krate: quote::quote!(::aerostat_spec), spans: Spans::CallSite, path };
    let mut group = criterion.benchmark_group("codegen");
    group.sample_size(20);
    for (name, files) in [("balloon", &balloon), ("all", &all)] {
        group.throughput(Throughput::Elements(lines(files)));
        group
            .bench_function(format!("{name}/parse and check"), |bencher| bencher.iter(|| files.iter().for_each(parse)));
        group.bench_function(format!("{name}/compile"), |bencher| {
            bencher.iter(|| files.iter().for_each(|file| compile(file, &target)));
        });
    }
    group.finish();
}

/// Returns a cargo command in a target folder of its own.
fn cargo(command: &str) -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("macro-cost");
    cargo.args([command, "--quiet", "--package", "aerostat-spec"]).env("CARGO_TARGET_DIR", target);
    cargo.current_dir(env!("CARGO_MANIFEST_DIR")).env("CARGO_INCREMENTAL", "0").stdin(Stdio::null());
    cargo
}

fn run(mut command: Command) {
    assert!(command.status().expect("cargo").success(), "{command:?} failed");
}

/// Returns the processor time of the children that have ended. Unlike the time of day, other programs have little effect on it.
fn time_of_children() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    // The name of the program comes before the last bracket. Two of the numbers behind it are in hundredths of a second.
    let (_, numbers) = stat.rsplit_once(')').expect("the name of the program");
    let ticks = numbers.split_whitespace().skip(13).take(2).map(|ticks| ticks.parse::<u64>().expect("a number"));
    Duration::from_millis(10 * ticks.sum::<u64>())
}

/// Checks aerostat-spec with `cargo check`, without its dependencies: without a device type, and with the balloon. The difference is the
/// cost of the macro and of what it generates.
fn build(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("codegen/cargo check");
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    group.warm_up_time(Duration::from_millis(1)).measurement_time(Duration::from_secs(15));
    for (name, features) in [("no device type", ""), ("balloon", "balloon")] {
        let check = || {
            let mut cargo = cargo("check");
            cargo.args(["--no-default-features", "--features", features]);
            run(cargo);
        };
        // Checks the dependencies.
        check();
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|times| {
                let one = |_| {
                    run(cargo("clean"));
                    let before = time_of_children();
                    check();
                    time_of_children().saturating_sub(before)
                };
                (0..times).map(one).sum()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, codegen, build);
criterion_main!(benches);
