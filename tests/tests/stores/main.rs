//! Tests of stores, and of the public suite that tests them.

mod disk;
mod flawed;
mod memory;
mod own;
mod suite;
