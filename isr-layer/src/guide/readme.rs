//! The README, compiled as a test.
#![doc = include_str!("../../../README.md")]
