//! From words to arguments (POSIX.1-2024, "Shell Command Language", 2.6): parameters, command
//! substitution, arithmetic, field splitting, file names, quote removal.

pub mod arithmetic;
pub mod pathname;
pub mod pattern;

use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;

use rt::bstr::{BStr, BString, ByteSlice};

use crate::syntax::{List, Operation, Parameter, Part, Word};
use pattern::{Character, Pattern};

/// Why a word has no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpansionError(pub BString);

/// What expansion asks of the shell.
pub trait Environment {
    /// The value of a variable, a positional or a special parameter other than `@` and `*`.
    fn parameter(&self, name: &BStr) -> Option<BString>;
    /// The positional parameters.
    fn positional(&self) -> &[BString];
    /// Sets a variable.
    fn assign(&mut self, name: &BStr, value: BString) -> Result<()>;
    /// What the commands print.
    fn command_output(&mut self, list: &List) -> Result<Vec<u8>>;
    /// An unset parameter is an error (`set -u`).
    fn unset_is_error(&self) -> bool;
    /// File names matching a pattern, sorted; empty when there are none.
    fn file_names(&self, pattern: &Pattern) -> Vec<BString>;
}

type Result<T> = core::result::Result<T, ExpansionError>;

/// The default of IFS.
const DEFAULT_IFS: &[u8] = b" \t\n";

/// Turns words into arguments.
pub fn words(environment: &mut impl Environment, words: &[Word]) -> Result<Vec<BString>> {
    let mut arguments = Vec::new();
    for word in words {
        let ifs = environment.parameter(BStr::new("IFS")).unwrap_or_else(|| DEFAULT_IFS.into());
        let mut expansion =
            Expansion { environment, ifs, fields: Vec::new(), current: None, split: true };
        expansion.word(word)?;
        expansion.end_field();
        for field in expansion.fields {
            let names = if field.is_active() { environment.file_names(&field) } else { Vec::new() };
            if names.is_empty() {
                arguments.push(field.text());
            } else {
                arguments.extend(names);
            }
        }
    }
    Ok(arguments)
}

/// Turns a word into one string, without splitting it and without file names: for assignments,
/// redirections and here-documents.
pub fn string(environment: &mut impl Environment, word: &Word) -> Result<BString> {
    pattern(environment, word).map(|pattern| pattern.text())
}

/// Turns a word into a pattern, in which quoted characters mean only themselves.
pub fn pattern(environment: &mut impl Environment, word: &Word) -> Result<Pattern> {
    let ifs = environment.parameter(BStr::new("IFS")).unwrap_or_else(|| DEFAULT_IFS.into());
    let mut expansion =
        Expansion { environment, ifs, fields: Vec::new(), current: None, split: false };
    expansion.word(word)?;
    Ok(expansion.current.unwrap_or_default())
}

struct Expansion<'e, E> {
    environment: &'e mut E,
    ifs: BString,
    fields: Vec<Pattern>,
    /// The field being put together; `None` when nothing has begun one.
    current: Option<Pattern>,
    /// Results of unquoted expansions are split into fields.
    split: bool,
}

impl<E: Environment> Expansion<'_, E> {
    fn word(&mut self, word: &Word) -> Result<()> {
        let mut parts = word.0.as_slice();
        if let Some((Part::Literal(text), others)) = parts.split_first()
            && let Some(rest) = text.strip_prefix(b"~")
            && (rest.first() == Some(&b'/') || (rest.is_empty() && others.is_empty()))
            && let Some(home) = self.environment.parameter(BStr::new("HOME"))
        {
            self.push_text(&home, true);
            self.push_text(rest, false);
            parts = others;
        }
        parts.iter().try_for_each(|part| self.part(part, false))
    }

    fn part(&mut self, part: &Part, quoted: bool) -> Result<()> {
        match part {
            Part::Literal(text) => self.push_text(text, quoted),
            Part::Quoted(text) => self.push_text(text, true),
            Part::DoubleQuoted(parts) => {
                // `"$@"` without positional parameters is no field at all; other quotes are one
                // even when empty.
                let only_at = parts.len() == 1
                    && matches!(parts.first(), Some(Part::Parameter(p)) if p.name == "@");
                if !only_at {
                    self.current.get_or_insert_default();
                }
                parts.iter().try_for_each(|part| self.part(part, true))?;
            }
            Part::Parameter(parameter) => self.parameter(parameter, quoted)?,
            Part::Command(list) => {
                let mut output = self.environment.command_output(list)?;
                while output.last() == Some(&b'\n') {
                    output.pop();
                }
                output.retain(|&byte| byte != 0);
                self.push_result(&output, quoted);
            }
            Part::Arithmetic(word) => {
                let text = string(self.environment, word)?;
                let value = arithmetic::evaluate(&text, self.environment)?;
                self.push_result(value.to_string().as_bytes(), quoted);
            }
        }
        Ok(())
    }

    fn push_text(&mut self, text: &[u8], quoted: bool) {
        let field = self.current.get_or_insert_default();
        field.0.extend(text.iter().map(|&byte| Character { byte, quoted }));
    }

    /// Adds the result of an expansion: unquoted it is split at the characters of IFS.
    fn push_result(&mut self, text: &[u8], quoted: bool) {
        if quoted || !self.split {
            // Not quoted and not split: a pattern, whose special characters stay special.
            if !text.is_empty() || quoted {
                self.push_text(text, quoted);
            }
            return;
        }
        let mut rest = text;
        while let Some((&byte, after)) = rest.split_first() {
            rest = after;
            if !self.ifs.contains(&byte) {
                self.push_text(&[byte], false);
                continue;
            }
            // White space around another separator belongs to it.
            let white = |byte: &u8| byte.is_ascii_whitespace();
            let mut hard = !white(&byte);
            while let Some((&next, after)) = rest.split_first()
                && self.ifs.contains(&next)
                && (white(&next) || !hard)
            {
                hard |= !white(&next);
                rest = after;
            }
            if hard {
                self.current.get_or_insert_default();
            }
            self.end_field();
        }
    }

    fn end_field(&mut self) {
        self.fields.extend(self.current.take());
    }

    fn parameter(&mut self, parameter: &Parameter, quoted: bool) -> Result<()> {
        let name = parameter.name.as_bstr();
        if name == "@" || name == "*" {
            return self.all_positional(parameter, quoted);
        }
        let value = self.environment.parameter(name);
        let missing = |null_too: bool| match &value {
            None => true,
            Some(value) => null_too && value.is_empty(),
        };
        match &parameter.operation {
            Operation::Value => match &value {
                Some(value) => self.push_result(value, quoted),
                None => self.check_set(name)?,
            },
            Operation::Length => {
                if value.is_none() {
                    self.check_set(name)?;
                }
                let length = value.as_ref().map_or(0, |value| value.chars().count());
                self.push_result(length.to_string().as_bytes(), quoted);
            }
            Operation::Default { null_too, word } => {
                if missing(*null_too) {
                    self.operand(word, quoted)?;
                } else {
                    self.push_result(&value.unwrap_or_default(), quoted);
                }
            }
            Operation::Assign { null_too, word } => {
                if missing(*null_too) {
                    let value = string(self.environment, word)?;
                    self.environment.assign(name, value.clone())?;
                    self.push_result(&value, quoted);
                } else {
                    self.push_result(&value.unwrap_or_default(), quoted);
                }
            }
            Operation::Require { null_too, word } => {
                if missing(*null_too) {
                    let message = string(self.environment, word)?;
                    let message =
                        if message.is_empty() { "parameter not set".into() } else { message };
                    return Err(ExpansionError(format!("{name}: {message}").into()));
                }
                self.push_result(&value.unwrap_or_default(), quoted);
            }
            Operation::Alternative { null_too, word } => {
                if !missing(*null_too) {
                    self.operand(word, quoted)?;
                }
            }
            Operation::RemovePrefix { longest, pattern: word } => {
                if value.is_none() {
                    self.check_set(name)?;
                }
                let pattern = pattern(self.environment, word)?;
                let value = value.unwrap_or_default();
                self.push_result(pattern.without_prefix(&value, *longest), quoted);
            }
            Operation::RemoveSuffix { longest, pattern: word } => {
                if value.is_none() {
                    self.check_set(name)?;
                }
                let pattern = pattern(self.environment, word)?;
                let value = value.unwrap_or_default();
                self.push_result(pattern.without_suffix(&value, *longest), quoted);
            }
        }
        Ok(())
    }

    /// The word in `${x:-word}`: its own quotes count; unquoted, it is split like a result.
    fn operand(&mut self, word: &Word, quoted: bool) -> Result<()> {
        for part in &word.0 {
            match part {
                Part::Literal(text) => self.push_result(text, quoted),
                part => self.part(part, quoted)?,
            }
        }
        Ok(())
    }

    fn check_set(&self, name: &BStr) -> Result<()> {
        if self.environment.unset_is_error() {
            return Err(ExpansionError(format!("{name}: parameter not set").into()));
        }
        Ok(())
    }

    /// `$@` and `$*`.
    fn all_positional(&mut self, parameter: &Parameter, quoted: bool) -> Result<()> {
        let values = self.environment.positional().to_vec();
        match &parameter.operation {
            Operation::Length => {
                self.push_result(values.len().to_string().as_bytes(), quoted);
                return Ok(());
            }
            Operation::Default { word, .. } if values.is_empty() => {
                return self.operand(word, quoted);
            }
            Operation::Alternative { word, .. } => {
                return if values.is_empty() { Ok(()) } else { self.operand(word, quoted) };
            }
            _ => {}
        }
        if parameter.name == "@" && quoted && self.split {
            for (index, value) in values.iter().enumerate() {
                if index > 0 {
                    self.end_field();
                }
                self.push_text(value, true);
            }
            return Ok(());
        }
        if quoted || !self.split {
            let separator: &[u8] =
                if parameter.name == "@" { b" " } else { self.ifs.get(..1).unwrap_or_default() };
            let separator = separator.to_vec();
            for (index, value) in values.iter().enumerate() {
                if index > 0 {
                    self.push_text(&separator, quoted);
                }
                self.push_text(value, quoted);
            }
            return Ok(());
        }
        for (index, value) in values.iter().enumerate() {
            if index > 0 {
                self.end_field();
            }
            self.push_result(value, false);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
