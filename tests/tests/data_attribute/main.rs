//! Tests `#[static_data]` from outside: functions whose values are shared, in every form that the
//! attribute accepts.

mod forms;
mod shared;
mod source;
