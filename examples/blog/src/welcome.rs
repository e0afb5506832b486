//! Prints the addresses to open and four commands to try, at start.

use std::fmt;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::config::Config;
use crate::db::{Db, DbError};

/// The secret for writing, and where it comes from.
pub(crate) enum Secret {
    /// Set in the environment. Its owner knows it, so it is never printed.
    Given(String),
    /// Made at the first start and kept in the database. It is printed, since its owner could not
    /// know it otherwise.
    Kept(String),
}

/// The number of pages that earlier runs of this build have kept.
pub(crate) struct Kept(pub(crate) u64);

impl Secret {
    pub(crate) fn value(&self) -> &str {
        let (Self::Given(value) | Self::Kept(value)) = self;
        value
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Given(_) => "Given(..)",
            Self::Kept(_) => "Kept(..)",
        })
    }
}

pub(crate) async fn print(
    addr: SocketAddr,
    config: &Config,
    kept: &Kept,
    secret: &Secret,
    db: &Db,
) -> Result<(), DbError> {
    let newest = db.posts(None).await?.into_iter().next();
    let slug = newest.map_or_else(|| "hello".into(), |post| post.slug);
    let text = text(addr, config, kept, secret, &slug);
    // Ignores errors: the site must also run with a closed standard output.
    io::stdout().write_all(text.as_bytes()).ok();
    Ok(())
}

fn text(addr: SocketAddr, config: &Config, kept: &Kept, secret: &Secret, slug: &str) -> String {
    let site = format!("http://{}", reachable(addr));
    let (database, pages) = (config.database.display(), config.pages.display());
    let (kept, build) = (kept.0, &config.build);
    let secret = match secret {
        Secret::Given(_) => {
            "The secret is the REVALIDATE_SECRET of this program's environment.".into()
        }
        Secret::Kept(value) => format!(
            "The secret (made at first start, kept in the database; set REVALIDATE_SECRET to choose your own):\n\
             \n  export REVALIDATE_SECRET={value}"
        ),
    };
    format!(
        r#"
The Slow Lane is open, its posts are in {database}
{kept} pages of build {build} were found in {pages}

  {site}/           the posts
  {site}/demo       a timestamp, and the button that renews it
  {site}/admin      write and publish; log in with the secret
  {site}/api/posts  the posts as JSON; {site}/api/posts/{slug} is one

{secret}

Request a post twice and compare Cache-Status; change it: page and API stay; purge its tag: the page, the lists and both
responses of the API are new at once; rename the database: all that was loaded stays, and Cache-Status marks old pages:

  curl -i {site}/posts/{slug}
  curl {site}/api/posts/{slug}
  curl -X PUT {site}/api/posts/{slug} -H "Authorization: Bearer $REVALIDATE_SECRET" -H "Content-Type: application/json" -d '{{"title":"Changed","body":"A *new* text.","tags":["news"]}}'
  curl -X POST {site}/api/revalidate -H "Authorization: Bearer $REVALIDATE_SECRET" -H "Content-Type: application/json" -d '{{"tag":"post:{slug}","mode":"expire"}}'

"#
    )
}

/// Returns an address to type into a browser. If the site listens on all interfaces, that is the
/// local one.
fn reachable(addr: SocketAddr) -> SocketAddr {
    let ip = match addr.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, addr.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(secret: &Secret) -> String {
        let config = Config {
            addr: "0.0.0.0:3000".into(),
            database: "blog.sqlite".into(),
            pages: "blog.pages".into(),
            build: "5f1c0a7".into(),
            secret: None,
            prerender: false,
        };
        let addr = ([0, 0, 0, 0], 3000).into();
        text(addr, &config, &Kept(31), secret, "rye")
    }

    #[test]
    fn the_pages_that_were_kept_are_counted_and_their_build_is_named() {
        let text = printed(&Secret::Given("0123456789".into()));

        assert!(text.contains("\n31 pages of build 5f1c0a7 were found in blog.pages\n"));
    }

    #[test]
    fn a_secret_that_was_made_here_is_printed_once() {
        let text = printed(&Secret::Kept("0123456789".into()));

        assert_eq!(text.matches("0123456789").count(), 1);
    }

    #[test]
    fn a_secret_from_the_environment_is_never_printed() {
        let text = printed(&Secret::Given("0123456789".into()));

        assert!(!text.contains("0123456789"));
    }

    #[test]
    fn there_are_four_commands_to_try_on_an_address_that_can_be_reached() {
        let text = printed(&Secret::Given("0123456789".into()));

        assert_eq!(text.matches("  curl ").count(), 4);
        assert!(text.contains("http://127.0.0.1:3000/posts/rye"));
    }
}
