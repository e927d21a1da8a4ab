//! Runs the property that the variable `PROPERTY` names.

#![no_main]
#![expect(clippy::panic, reason = "a wrong name ends the run")]

use std::sync::LazyLock;

use fuzzing::{Property, Target};

static PROPERTY: LazyLock<Property> = LazyLock::new(|| {
    let name = std::env::var("PROPERTY").unwrap_or_default();
    let target = Target::named(&name);
    target.unwrap_or_else(|| panic!("expected the name of a property in PROPERTY, found {name:?}")).property
});

// A panic that the product catches is no finding, so it must not end the process.
libfuzzer_sys::fuzz_target!(init: drop(std::panic::take_hook()), |data: &[u8]| PROPERTY(data));
