//! Evaluates expressions with the C compiler.

use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Claim;

/// Advice on the required packages.
const INSTALL: &str = "these tests need a C compiler and the Linux headers: on Debian and Ubuntu, \
                       `apt install gcc libc6-dev linux-libc-dev`";

/// Checks that every expression has the claimed value in a C program that includes the headers of the system.
///
/// Skipped if the environment variable `AEROSTAT_HOST_ONLY` is set.
pub(crate) fn check(name: &str, headers: &[&str], claims: &[Claim]) {
    if std::env::var_os("AEROSTAT_HOST_ONLY").is_some() {
        return skip(name);
    }
    let wrong = differences(name, None, headers, claims);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Returns a message for each expression that has another value in a C program that includes the headers. Those in `folder` come before
/// those of the system.
pub(crate) fn differences(name: &str, folder: Option<&Path>, headers: &[&str], claims: &[Claim]) -> Vec<String> {
    let values = match evaluate(name, folder, headers, claims) {
        Ok(values) => values,
        Err(messages) => return vec![messages],
    };
    assert_eq!(values.len(), claims.len(), "the C program prints one number for each expression");
    let wrong = claims.iter().zip(values).filter(|((_, claimed), value)| claimed != value);
    wrong
        .map(|((expression, claimed), value)| format!("{expression}: C has {value}, the bindings have {claimed}"))
        .collect()
}

/// Appends the test to the list of skipped tests, if there is one.
pub(crate) fn skip(name: &str) {
    let line = format!("{name}: the C compiler and Linux's headers are not used with AEROSTAT_HOST_ONLY\n");
    eprint!("skipped: {line}");
    if let Some(file) = std::env::var_os("AEROSTAT_SKIPPED") {
        let file = OpenOptions::new().create(true).append(true).open(file);
        file.and_then(|mut file| file.write_all(line.as_bytes())).expect("failed to list a skipped test");
    }
}

/// Returns the values of the expressions, or the messages of the compiler.
fn evaluate(name: &str, folder: Option<&Path>, headers: &[&str], claims: &[Claim]) -> Result<Vec<u64>, String> {
    let mut source = String::from("#include <stddef.h>\n#include <stdio.h>\n");
    let include = |header: &&str| match Path::new(header).is_absolute() {
        true => format!("#include \"{header}\"\n"),
        false => format!("#include <{header}>\n"),
    };
    source.extend(headers.iter().map(include));
    source.push_str("int main(void) {\n");
    let lines =
        claims.iter().map(|(expression, _)| format!("printf(\"%llu\\n\", (unsigned long long)({expression}));\n"));
    source.extend(lines);
    source.push_str("return 0;\n}\n");
    let program = compile(name, folder, &source)?;
    let output = Command::new(&program).output().expect("the C program runs");
    assert!(output.status.success(), "the C program failed: {}", output.status);
    let numbers = String::from_utf8(output.stdout).expect("digits");
    Ok(numbers.lines().map(|line| line.parse().expect("a number")).collect())
}

fn compile(name: &str, folder: Option<&Path>, source: &str) -> Result<PathBuf, String> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (file, program) = (target.join(format!("{name}.c")), target.join(name));
    std::fs::write(&file, source).expect("a writable folder for the C program");
    let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
    let output = Command::new(&compiler)
        .args(folder.iter().flat_map(|folder| [OsStr::new("-isystem"), folder.as_os_str()]))
        .arg("-o")
        .arg(&program)
        .arg(&file)
        .output()
        .unwrap_or_else(|error| panic!("cannot run {}: {error}; {INSTALL}", compiler.display()));
    let messages = String::from_utf8_lossy(&output.stderr);
    assert!(!messages.contains("No such file"), "a header is missing; {INSTALL}\n{messages}");
    match output.status.success() {
        true => Ok(program),
        false => Err(format!("{} failed to compile the program:\n{messages}", compiler.display())),
    }
}
