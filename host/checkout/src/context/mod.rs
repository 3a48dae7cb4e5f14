//! The local context of a checkout.
