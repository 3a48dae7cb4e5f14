//! The real binary against real repositories on the forge for tests.
