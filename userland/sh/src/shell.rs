//! The state of a shell: variables, functions, options, what `$?` and its like say.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::rc::Rc;
use alloc::string::ToString;
use alloc::vec::Vec;

use rt::bstr::{BStr, BString, ByteSlice};
use rt::rustix::process::{Pid, getpid};

use crate::expand::pattern::Pattern;
use crate::expand::{Environment, ExpansionError, pathname};
use crate::jobs::Jobs;
use crate::syntax::{Command, List, is_name};

/// A variable.
#[derive(Clone, Debug, Default)]
pub struct Variable {
    /// Its value; `None` when it has only attributes.
    pub value: Option<BString>,
    /// Programs see it.
    pub exported: bool,
    /// It can't change any more.
    pub read_only: bool,
}

/// What `set` turns on and off.
#[derive(Clone, Copy, Debug, Default)]
pub struct Settings(u8);

/// The letters of [`Settings`] with their long names.
pub const SETTINGS: [(u8, &str); 6] = [
    (b'e', "errexit"),
    (b'f', "noglob"),
    (b'i', "interactive"),
    (b'm', "monitor"),
    (b'u', "nounset"),
    (b'x', "xtrace"),
];

impl Settings {
    /// Whether the setting with this letter is on.
    #[must_use]
    pub fn has(self, letter: u8) -> bool {
        SETTINGS
            .iter()
            .position(|(known, _)| *known == letter)
            .is_some_and(|bit| self.0 >> bit & 1 == 1)
    }

    /// Turns a setting on or off; false when there is no such letter.
    pub fn set(&mut self, letter: u8, on: bool) -> bool {
        let Some(bit) = SETTINGS.iter().position(|(known, _)| *known == letter) else {
            return false;
        };
        self.0 = (self.0 & !(1 << bit)) | (u8::from(on) << bit);
        true
    }

    /// The letters of those that are on, as `$-` has them.
    #[must_use]
    pub fn letters(self) -> BString {
        SETTINGS
            .iter()
            .map(|(letter, _)| *letter)
            .filter(|&letter| self.has(letter))
            .collect::<Vec<u8>>()
            .into()
    }
}

/// A running shell.
#[derive(Debug)]
pub struct Shell {
    /// `$0`
    pub name: BString,
    /// `$1`...
    pub positional: Vec<BString>,
    /// `$?`
    pub status: u8,
    /// `$?` as it was before the builtin that runs now.
    pub status_before: u8,
    /// `$!`
    pub last_background: Option<Pid>,
    /// What `set` changed.
    pub settings: Settings,
    /// Programs running without being waited for, and stopped ones.
    pub jobs: Jobs,
    /// What runs at the end (`trap ... EXIT`).
    pub exit_trap: Option<BString>,
    /// Lines typed before, for `history`.
    pub history: Vec<BString>,
    pub(crate) functions: BTreeMap<BString, Rc<Command>>,
    variables: BTreeMap<BString, Variable>,
    /// Variables that `local` has hidden, innermost function last.
    hidden: Vec<Vec<(BString, Option<Variable>)>>,
    /// The id of the process that `$$` names: of the first shell, not of a subshell.
    pid: Pid,
    /// This process was forked from the shell proper.
    pub(crate) subshell: bool,
    /// What runs in the foreground, in case it is stopped and becomes a job.
    pub(crate) foreground_text: BString,
    /// The process ends after the next command, so a program may take it over.
    pub(crate) replaceable: bool,
    /// How many loops are around the command being run, for `break`.
    pub(crate) loops: u32,
    /// How many conditions are around it: failures there do not end a shell with `set -e`.
    pub(crate) conditions: u32,
    /// How deep functions call each other.
    pub(crate) calls: u32,
    /// How many lines of which script have been run, for messages.
    pub line: usize,
}

impl Shell {
    /// A shell with the environment this process was given.
    #[must_use]
    pub fn new(name: BString) -> Self {
        let mut shell = Self {
            name,
            positional: Vec::new(),
            status: 0,
            status_before: 0,
            last_background: None,
            settings: Settings::default(),
            jobs: Jobs::default(),
            exit_trap: None,
            history: Vec::new(),
            functions: BTreeMap::new(),
            variables: BTreeMap::new(),
            hidden: Vec::new(),
            pid: getpid(),
            subshell: false,
            foreground_text: BString::default(),
            replaceable: false,
            loops: 0,
            conditions: 0,
            calls: 0,
            line: 0,
        };
        for entry in rt::environment() {
            let mut halves = entry.splitn(2, |&byte| byte == b'=');
            let name = halves.next().unwrap_or_default();
            if let (true, Some(value)) = (is_name(name), halves.next()) {
                let variable =
                    Variable { value: Some(value.into()), exported: true, read_only: false };
                shell.variables.insert(name.into(), variable);
            }
        }
        for (name, value) in [("PATH", rt::process::DEFAULT_PATH), ("PS1", "$ "), ("PS2", "> ")] {
            let variable = shell.variables.entry(name.into()).or_default();
            variable.value.get_or_insert_with(|| value.into());
        }
        // A child of another shell inherits that one's IFS as a danger only (POSIX 2.5.3).
        shell
            .variables
            .insert("IFS".into(), Variable { value: Some(" \t\n".into()), ..Variable::default() });
        shell
    }

    /// Whether a person types the commands.
    #[must_use]
    pub fn is_interactive(&self) -> bool {
        self.settings.has(b'i')
    }

    /// The value of a variable.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&BString> {
        self.variables.get(name.as_bytes().as_bstr())?.value.as_ref()
    }

    /// All variables by name.
    pub fn variables(&self) -> impl Iterator<Item = (&BString, &Variable)> {
        self.variables.iter()
    }

    /// Changes a variable; an error when it is read-only.
    pub fn change(
        &mut self,
        name: &BStr,
        change: impl FnOnce(&mut Variable),
    ) -> Result<(), ExpansionError> {
        let variable = self.variables.entry(name.into()).or_default();
        if variable.read_only {
            return Err(ExpansionError(format!("{name}: is read only").into()));
        }
        change(variable);
        Ok(())
    }

    /// Takes a variable away; an error when it is read-only.
    pub fn unset(&mut self, name: &BStr) -> Result<(), ExpansionError> {
        self.change(name, |_| ())?;
        self.variables.remove(name);
        Ok(())
    }

    /// A copy of a variable, to be put back by [`Shell::restore`].
    #[must_use]
    pub fn save(&self, name: &BStr) -> (BString, Option<Variable>) {
        (name.into(), self.variables.get(name).cloned())
    }

    /// Makes a variable what it was.
    pub fn restore(&mut self, (name, variable): (BString, Option<Variable>)) {
        match variable {
            Some(variable) => self.variables.insert(name, variable),
            None => self.variables.remove(&name),
        };
    }

    /// Begins the variables of a function.
    pub(crate) fn enter_function(&mut self) {
        self.hidden.push(Vec::new());
    }

    /// Ends them: what `local` hid comes back.
    pub(crate) fn leave_function(&mut self) {
        for saved in self.hidden.pop().unwrap_or_default().into_iter().rev() {
            self.restore(saved);
        }
    }

    /// Hides a variable until the function ends; false outside of functions.
    pub fn hide(&mut self, name: &BStr) -> bool {
        let saved = self.save(name);
        let Some(hidden) = self.hidden.last_mut() else { return false };
        hidden.push(saved);
        true
    }

    /// The environment for a program, `NAME=value` each.
    #[must_use]
    pub fn exported(&self) -> Vec<BString> {
        (self.variables.iter())
            .filter(|(_, variable)| variable.exported)
            .filter_map(|(name, variable)| {
                let value = variable.value.as_ref()?;
                Some(BString::from([name.as_slice(), b"=", value].concat()))
            })
            .collect()
    }

    /// Prints a message as `sh: message`.
    pub fn complain(&self, message: impl core::fmt::Display) {
        rt::output::flush();
        if self.is_interactive() || self.line == 0 {
            rt::eprintln!("{}: {message}", self.name);
        } else {
            rt::eprintln!("{}: {}: {message}", self.name, self.line);
        }
    }
}

impl Environment for Shell {
    fn parameter(&self, name: &BStr) -> Option<BString> {
        Some(match name.as_bytes() {
            b"?" => self.status.to_string().into(),
            b"#" => self.positional.len().to_string().into(),
            b"$" => self.pid.as_raw_nonzero().to_string().into(),
            b"!" => self.last_background?.as_raw_nonzero().to_string().into(),
            b"-" => self.settings.letters(),
            b"0" => self.name.clone(),
            digits if digits.first().is_some_and(u8::is_ascii_digit) => {
                let index = rt::number::decimal(digits)?;
                self.positional.get(usize::try_from(index).ok()?.checked_sub(1)?)?.clone()
            }
            _ => self.variables.get(name)?.value.clone()?,
        })
    }

    fn positional(&self) -> &[BString] {
        &self.positional
    }

    fn assign(&mut self, name: &BStr, value: BString) -> Result<(), ExpansionError> {
        if !is_name(name) {
            return Err(ExpansionError(format!("{name}: bad variable name").into()));
        }
        self.change(name, |variable| variable.value = Some(value))
    }

    fn command_output(&mut self, list: &List) -> Result<Vec<u8>, ExpansionError> {
        self.substitute(list)
    }

    fn unset_is_error(&self) -> bool {
        self.settings.has(b'u')
    }

    fn file_names(&self, pattern: &Pattern) -> Vec<BString> {
        if self.settings.has(b'f') { Vec::new() } else { pathname::matching(pattern) }
    }
}
