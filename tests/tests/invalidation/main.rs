//! Tests that no acknowledged purge is lost, whatever is rendered at the same time, and that every
//! receipt tells the truth.

mod at_once;
mod bounds;
mod failure;
mod house;
mod many;
mod model;
mod modes;
mod nextjs;
mod one_host;
mod overtaken;
mod pressure;
mod race;
mod receipts;
mod schedule;
mod selectors;
mod steps;
mod stress;
mod within;

use isr_tests::stage;
