//! A test of the suite, as data.

use crate::Lab;
use crate::dut::VirtualDut;
use crate::lab::Demands;
use net::config::Config;
use net::time::Duration;

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
    pub settings: Option<fn() -> Config>,
}

/// What a test takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rehearsal {
    /// How long it goes on.
    pub duration: Duration,
    /// What the device must be able to do.
    pub demands: Demands,
}

/// A test with the usual settings, in virtual time only.
pub const fn case(
    number: &'static str,
    title: &'static str,
    rows: &'static [&'static str],
    run: fn(&mut Lab),
) -> Case {
    Case { number, title, rows, run, settings: None }
}

impl Case {
    /// With these settings.
    #[must_use]
    pub const fn with(mut self, settings: fn() -> Config) -> Self {
        self.settings = Some(settings);
        self
    }

    /// How our stack is set for it.
    pub fn config(&self) -> Config {
        self.settings.map_or(Config::DEFAULT, |settings| settings())
    }

    /// Runs it with our stack in virtual time, to see what it takes.
    ///
    /// # Panics
    /// When the test fails.
    pub fn rehearse(&self) -> Rehearsal {
        let config = self.config();
        let mut lab = Lab::new(Box::new(move || Box::new(VirtualDut::new(config.clone(), 1))));
        (self.run)(&mut lab);
        Rehearsal { duration: lab.elapsed(), demands: lab.demands() }
    }

    /// Its name among the tests.
    pub fn name(&self) -> String {
        format!("{} {}", self.number, self.title)
    }
}
