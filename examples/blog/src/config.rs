//! The settings from the environment: the address to listen on, the database, the secret, the name
//! of the build, and whether pages are prerendered.

use std::env::{self, VarError};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use anyhow::{Context, Result, bail};

/// The settings of one run. There is no `Debug`, since they may hold the secret.
pub(crate) struct Config {
    pub(crate) addr: String,
    pub(crate) database: PathBuf,
    /// The directory that keeps pages, beside the database. Whoever removes one removes both.
    pub(crate) pages: PathBuf,
    /// The build that the pages belong to.
    pub(crate) build: String,
    /// `None` if the environment sets no secret: then the database keeps one.
    pub(crate) secret: Option<String>,
    /// True if every page is rendered before the site opens.
    pub(crate) prerender: bool,
}

impl Config {
    pub(crate) fn from_env() -> Result<Self> {
        Self::from_lookup(|name| match env::var(name) {
            Ok(value) => Ok(Some(value)),
            Err(VarError::NotPresent) => Ok(None),
            // Leaves the value out of the error: one of the variables is a secret.
            Err(VarError::NotUnicode(_)) => bail!("{name} is not valid UTF-8"),
        })
    }

    fn from_lookup(lookup: impl Fn(&str) -> Result<Option<String>>) -> Result<Self> {
        let addr = lookup("BLOG_ADDR")?.unwrap_or_else(|| "127.0.0.1:3000".into());
        let (_, port) = addr
            .rsplit_once(':')
            .context("BLOG_ADDR is not an address with a port")?;
        port.parse::<u16>()
            .with_context(|| format!("BLOG_ADDR {addr:?} does not end in a port"))?;
        let database = lookup("BLOG_DB")?.map_or_else(default_database, PathBuf::from);
        if database.as_os_str().is_empty() {
            bail!("BLOG_DB is empty: name a file, or leave it unset");
        }
        let build = match lookup("ISR_BUILD_ID")? {
            Some(build) if build.is_empty() => bail!("ISR_BUILD_ID is empty: name the build"),
            Some(build) => build,
            None => default_build(),
        };
        Ok(Self {
            addr,
            pages: database.with_extension("pages"),
            database,
            build,
            secret: lookup("REVALIDATE_SECRET")?,
            prerender: is_on("BLOG_PRERENDER", lookup("BLOG_PRERENDER")?.as_deref())?,
        })
    }
}

/// Reads a switch, which is off by default.
fn is_on(name: &str, value: Option<&str>) -> Result<bool> {
    match value {
        None | Some("" | "0" | "false") => Ok(false),
        Some("1" | "true") => Ok(true),
        Some(other) => bail!("{name} is {other:?}: set it to 1 or to 0"),
    }
}

/// Returns a file under the workspace's `target`, where it may be lost; in the current directory if
/// there is no `target`.
fn default_database() -> PathBuf {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target");
    target
        .canonicalize()
        .unwrap_or_default()
        .join("blog.sqlite")
}

/// Returns the version, and the time at which the program was linked: templates may have changed
/// since. To read the whole program and hash it takes longer, above all in a debug build. A deploy
/// had better set `ISR_BUILD_ID`, since a copy of the program may have another time.
fn default_build() -> String {
    let version = env!("CARGO_PKG_VERSION");
    let program = env::current_exe().and_then(|program| program.metadata());
    let linked = program.and_then(|program| program.modified()).ok();
    let linked = linked.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    linked.map_or_else(
        || version.to_owned(),
        |time| format!("{version}-{:x}", time.as_nanos()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(values: &[(&str, &str)]) -> Result<Config> {
        Config::from_lookup(|name| {
            Ok(values
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned()))
        })
    }

    #[test]
    fn an_empty_environment_gives_the_documented_defaults() {
        let config = config(&[]).unwrap();

        assert_eq!(config.addr, "127.0.0.1:3000");
        assert!(config.database.ends_with("blog.sqlite"));
        assert_eq!(config.secret, None);
        assert!(config.pages.ends_with("blog.pages"));
        assert!(!config.prerender);
    }

    #[test]
    fn a_build_is_named_by_the_environment_or_else_by_version_and_time() {
        let named = config(&[("ISR_BUILD_ID", "5f1c0a7")]).unwrap();
        let unnamed = config(&[]).unwrap().build;

        assert_eq!(named.build, "5f1c0a7");
        let version = concat!(env!("CARGO_PKG_VERSION"), "-");
        assert!(unnamed.starts_with(version) && unnamed.len() > version.len());
        assert_eq!(unnamed, config(&[]).unwrap().build);
    }

    #[test]
    fn an_empty_name_of_a_build_is_refused() {
        let error = config(&[("ISR_BUILD_ID", "")]).err().unwrap();

        assert!(error.to_string().contains("ISR_BUILD_ID"));
    }

    #[test]
    fn a_switch_is_on_or_off_or_refused_by_name() {
        for (value, expected) in [("1", true), ("true", true), ("0", false), ("", false)] {
            let config = config(&[("BLOG_PRERENDER", value)]).unwrap();

            assert_eq!(config.prerender, expected, "{value:?}");
        }
        let error = config(&[("BLOG_PRERENDER", "yes, please")]).err().unwrap();
        assert!(error.to_string().contains("BLOG_PRERENDER"), "{error}");
    }

    #[test]
    fn an_address_without_a_port_is_refused_by_name() {
        for addr in ["localhost", "127.0.0.1:", "127.0.0.1:http", ""] {
            let error = config(&[("BLOG_ADDR", addr)]).err().unwrap();

            assert!(error.to_string().contains("BLOG_ADDR"), "{addr}: {error}");
        }
    }

    #[test]
    fn an_empty_database_name_is_refused() {
        let error = config(&[("BLOG_DB", "")]).err().unwrap();

        assert!(error.to_string().contains("BLOG_DB"));
    }
}
