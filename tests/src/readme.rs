//! Keeps the examples of the README compiling.

#[doc = include_str!("../../README.md")]
struct Readme;
