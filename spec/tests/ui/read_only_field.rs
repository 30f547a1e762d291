//! A read-only field cannot be written, and a `setup` field cannot be written when the device is live.
// conformance: mmio.reg.3
use aerostat_spec::balloon::config::{Actual, NumPages, PoisonVal};
use aerostat_spec::mmio::modern::QueueNotify;
use aerostat_spec::{Readable, Settable, Writable};

fn write<F: Writable>(_field: F) {}
fn set<F: Settable>(_field: F) {}
fn read<F: Readable>(_field: F) {}

fn with(poison: PoisonVal) {
    set(poison);
    write(poison);
}

fn main() {
    write(Actual);
    write(NumPages);
    set(NumPages);
    read(QueueNotify);
}
