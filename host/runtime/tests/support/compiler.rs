//! A program that compiles for the tests.

fn main() {
    forgeport_runtime::serve_as_child();
    eprintln!("this is for tests");
}
