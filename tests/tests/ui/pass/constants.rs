//! Times and sizes may be constants, of whole seconds or of a `Duration`.

use std::time::Duration;

use isr_layer::{Policy, static_page};

mod times {
    pub const DAY: std::time::Duration = std::time::Duration::from_secs(86_400);
}

const HOUR: u64 = 60 * 60;
const KIB: usize = 1024;

#[static_page("/named", revalidate = if cfg!(debug_assertions) { HOUR } else { HOUR }, expire = times::DAY, max_body = 64 * KIB)]
async fn named() -> &'static str {
    "named"
}

#[static_page(
    "/computed",
    revalidate = 60 * 60,
    expire = Duration::from_secs(86_400),
    not_found_revalidate = HOUR / 60,
    timeout = 5
)]
async fn computed() -> &'static str {
    "computed"
}

struct Pages;

impl Pages {
    const TWICE: u64 = 2 * HOUR;

    #[static_page("/assoc", assoc, revalidate = Pages::TWICE)]
    async fn assoc() -> &'static str {
        "assoc"
    }
}

fn main() {
    let common = Policy::new().revalidate(Duration::from_secs(3600)).expire(times::DAY);
    let named_policy = common.max_body(64 * 1024);
    let computed_policy = common
        .not_found_revalidate(Duration::from_secs(60))
        .timeout(Duration::from_secs(5));

    assert_eq!(format!("{:?}", named::PAGE.policy()), format!("{named_policy:?}"));
    assert_eq!(format!("{:?}", computed::PAGE.policy()), format!("{computed_policy:?}"));
    let _ = (named(), computed(), Pages::assoc());
}
