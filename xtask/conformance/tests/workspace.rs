//! The conformance page is current, and every requirement has evidence or a reason.

use xtask_common::workspace;
use xtask_conformance::Repository;

#[test]
fn the_conformance_page_is_current() {
    Repository::read(&workspace::root()).unwrap().check_page().unwrap();
}
