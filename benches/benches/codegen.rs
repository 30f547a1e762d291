//! The compiler for descriptions, in lines of description per second.
#![allow(missing_docs, reason = "the macros of criterion define public functions")]

use std::hint::black_box;
use std::path::Path;

use aerostat_codegen::{Source, Spans, Target, compile_text, parse_text};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// A description file: its name and its text.
type File = (String, String);

fn descriptions() -> Vec<File> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../spec/vspec");
    let entries = std::fs::read_dir(folder).expect("the folder of the descriptions");
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

criterion_group!(benches, codegen);
criterion_main!(benches);
