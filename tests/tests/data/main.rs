//! Tests the data face from outside: values that pages and plain routes share.

mod inheritance;
mod source;
