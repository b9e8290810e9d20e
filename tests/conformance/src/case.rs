//! A test of the suite, as data.

use crate::Lab;
use net::config::Config;

/// A test.
#[derive(Clone, Copy)]
pub struct Case {
    /// Its number: that of the IPv6 Ready Core test whose title it carries, such as "2.1.7.A", or
    /// the row of the requirements that it is about.
    pub number: &'static str,
    /// What it is about.
    pub title: &'static str,
    /// Rows of the requirements that it tests.
    pub rows: &'static [&'static str],
    /// What it does.
    pub run: fn(&mut Lab),
    /// How the device is set, if not as ever.
    pub config: fn() -> Config,
    /// It makes sense over a real cable, too: it needs no setting and no long time.
    pub wire: bool,
}

/// A test with the usual settings, in virtual time only.
pub const fn case(
    number: &'static str,
    title: &'static str,
    rows: &'static [&'static str],
    run: fn(&mut Lab),
) -> Case {
    Case { number, title, rows, run, config: default_config, wire: false }
}

const fn default_config() -> Config {
    Config::DEFAULT
}

impl Case {
    /// Over a real cable, too.
    #[must_use]
    pub const fn on_the_wire(mut self) -> Self {
        self.wire = true;
        self
    }

    /// With these settings.
    #[must_use]
    pub const fn with(mut self, config: fn() -> Config) -> Self {
        self.config = config;
        self
    }

    /// Its name among the tests.
    pub fn name(&self) -> String {
        format!("{} {}", self.number, self.title)
    }
}
