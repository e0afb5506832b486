//! Tests the data face from outside: values that pages and plain routes share.

mod circles;
mod endpoint;
mod failure;
mod inheritance;
mod readers;
mod refused;
mod restart;
mod schedules;
mod scopes;
mod source;
mod upstream;
