//! Tests `#[static_data]` from outside: functions whose values are shared, in every form that the
//! attribute accepts.

mod caught;
mod forms;
mod log;
mod purges;
mod shared;
mod source;
mod within;
