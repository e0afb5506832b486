//! The checks of a builder: settings that contradict each other, and limits of zero.

use super::super::builder::IsrLayerBuilder;
use crate::error::{Error, ErrorKind};
use crate::page::identifies_client;

impl IsrLayerBuilder {
    /// Refuses the first setting that cannot work.
    pub(super) fn check_settings(&self) -> Result<(), Error> {
        self.check_limits()?;

        // A page is rendered from its key alone, and one client's header would reach all others.
        if let Some(name) = self
            .config
            .keep_headers
            .iter()
            .find(|n| identifies_client(n))
        {
            return refuse(format!(
                "`keep_header` refuses `{name}`: it identifies a client, and all get one page"
            ));
        }
        if !self.config.targets.is_empty() && !self.config.cache_by_headers {
            return refuse(
                "`targeted_cache_control` without `cache_by_headers(true)`: only then do the \
                 headers of a response decide",
            );
        }
        if self.draft_cookie.is_some() && self.draft.is_none() {
            return refuse("`draft_cookie` without `draft`: draft mode needs a secret");
        }

        if sfv::TokenRef::from_str(self.cache_name).is_err() {
            return refuse(format!(
                "`cache_name` refuses `{}`: expected a token such as `isr-edge`",
                self.cache_name.escape_debug()
            ));
        }
        if let Some(mistake) = self.config.extensions.mistake() {
            return refuse(mistake);
        }

        self.config.downstream.check()
    }

    fn check_limits(&self) -> Result<(), Error> {
        let config = &self.config;
        let limits = [
            ("max_memory_bytes", config.max_memory_bytes == 0),
            ("max_entries", config.max_entries == 0),
            ("max_data_bytes", config.max_data_bytes == Some(0)),
            ("max_data_entries", config.max_data_entries == 0),
            ("max_marks", config.max_marks == 0),
            ("background_renders", config.renders.at_once == 0),
            ("background_renders_per_page", config.renders.per_group == 0),
            ("new_keys_per_second", config.new_keys_per_second == 0),
        ];
        match limits.iter().find(|(_, is_zero)| *is_zero) {
            Some((setting, _)) => refuse(format!("`{setting}` must be at least 1")),
            None => Ok(()),
        }
    }
}

fn refuse(message: impl Into<String>) -> Result<(), Error> {
    Err(Error::new(ErrorKind::Configuration, message))
}
