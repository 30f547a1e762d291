//! The conformance page of the book: which code and which test meets each requirement of the specification.
//!
//! `docs/conformance/requirements.tsv` lists the requirements. Evidence is a comment above an item that names the requirements that the
//! item meets:
//!
//! ```text
//! // conformance: balloon.op.2, balloon.op.3               above a test, or in a file of `tests/ui` (which must not compile)
//! // conformance: construct ring.split.idx.1: stored last     above an item of a library
//! // conformance: deviation balloon.stats.6: an entry has 10 bytes
//! ```
//!
//! The text after the colon goes into the page. It may continue in the comment lines below. `docs/conformance/exceptions.tsv` lists the
//! requirements without evidence, with the reason. `docs/conformance/template.md` is the page without the generated lists.

mod annotation;
mod check;
mod exception;
mod item;
mod page;
mod repository;
mod requirement;
mod scan;

pub use self::{
    check::problems,
    exception::{Exception, ExceptionKind},
    page::render,
    repository::{PAGE, Repository},
    requirement::{Level, Requirement},
    scan::{Evidence, Found, Kind, scan_text},
};
