//! Help pages, errors and suggestions, as in `tests/cmd`.

/// `TRYCMD=overwrite cargo test -p synthetics --test program snapshots` rewrites the files.
#[test]
fn help_and_errors_are_as_in_the_snapshots() {
    trycmd::TestCases::new().case("tests/cmd/*.trycmd");
}
