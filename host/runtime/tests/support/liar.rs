//! A program whose compiler was taken over: it answers something else than code.

fn main() {
    // The last byte says that it is code.
    forgeport_child::serve(&[("compile", |component| [component, b"\0"].concat())]);
    eprintln!("this is for tests");
}
