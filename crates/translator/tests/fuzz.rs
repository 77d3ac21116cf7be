//! A modest number of random programs; `translator-fuzz` (an example) runs any number.

#[path = "../harness/mod.rs"]
mod harness;

use harness::{fuzz, generate::Table, machine::Machine};

#[test]
fn random_programs_run_as_they_do_natively() {
    let table = Table::new();
    let mut machine = Machine::new();
    let failures = fuzz::fuzz(&mut machine, &table, 1, 1500, false);
    assert_eq!(failures, 0, "see the programs above");
}
