//! The shell language as data (POSIX.1-2024, "Shell Command Language", 2.9 and 2.10).

pub mod lexer;
pub mod parser;

use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::OnceCell;

use rt::bstr::BString;

/// Commands in a row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct List(pub Vec<ListItem>);

/// A command of a list, with what stands after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListItem {
    /// Pipelines joined by `&&` and `||`.
    pub and_or: AndOr,
    /// It ends with `&`: nobody waits for it.
    pub background: bool,
}

/// Pipelines joined by `&&` and `||`, from left to right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AndOr {
    /// The first one always runs.
    pub first: Pipeline,
    /// The others run as the status before them says.
    pub rest: Vec<(Connective, Pipeline)>,
}

/// What joins two pipelines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connective {
    /// `&&`: run the next one after success.
    And,
    /// `||`: run the next one after failure.
    Or,
}

/// Commands joined by `|`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pipeline {
    /// `!` stands before it.
    pub negated: bool,
    /// At least one.
    pub commands: Vec<Command>,
}

/// One command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// `NAME=value... word... redirection...`
    Simple(Simple),
    /// A compound command with redirections for all of it.
    Compound(Compound, Vec<Redirection>),
    /// `name() command`
    Function(BString, Rc<Command>),
}

/// A program or builtin with its arguments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Simple {
    /// Variables set before it: for it alone, or for the shell when there are no words.
    pub assignments: Vec<(BString, Word)>,
    /// The name and the arguments.
    pub words: Vec<Word>,
    /// In the order written.
    pub redirections: Vec<Redirection>,
}

/// A command that contains others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Compound {
    /// `{ list; }`
    Group(List),
    /// `( list )`
    Subshell(List),
    /// `if`, each `elif` and `else`.
    If {
        /// Conditions and what to do.
        branches: Vec<(List, List)>,
        /// `else`.
        otherwise: Option<List>,
    },
    /// `while` and `until`.
    Loop {
        /// `until`: runs as long as the condition fails.
        until: bool,
        /// Decides about each turn.
        condition: List,
        /// One turn.
        body: List,
    },
    /// `for name in words; do body; done`
    For {
        /// The variable.
        name: BString,
        /// What it goes through; the positional parameters when `in` is absent.
        words: Option<Vec<Word>>,
        /// One turn.
        body: List,
    },
    /// `case word in pattern) list;; esac`
    Case {
        /// What is compared.
        word: Word,
        /// Patterns and what to do.
        arms: Vec<(Vec<Word>, List)>,
    },
}

/// Where a descriptor leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirection {
    /// The descriptor that changes.
    pub fd: i32,
    /// What it becomes.
    pub target: Target,
}

/// What a redirected descriptor becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// `< file`
    Read(Word),
    /// `> file` (and `>| file`)
    Write(Word),
    /// `>> file`
    Append(Word),
    /// `<> file`
    ReadWrite(Word),
    /// `>&n`, `<&n`: what another descriptor is; `-` closes it.
    Duplicate(Word),
    /// `<< delimiter`: the lines up to the delimiter.
    HereDocument(Rc<OnceCell<Word>>),
}

/// A word before expansion.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Word(pub Vec<Part>);

impl Word {
    /// The text of a word without any quoting or expansion: only such a one can be a reserved word.
    #[must_use]
    pub fn plain(&self) -> Option<&[u8]> {
        match self.0.as_slice() {
            [Part::Literal(text)] => Some(text),
            _ => None,
        }
    }
}

/// A piece of a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Text in which pattern characters mean something.
    Literal(BString),
    /// Text from `'...'`, `\x` or inside `"..."`, which means only itself.
    Quoted(BString),
    /// `"..."`
    DoubleQuoted(Vec<Part>),
    /// `$name` and `${...}`
    Parameter(Box<Parameter>),
    /// `$(...)` and `` `...` ``
    Command(List),
    /// `$((...))`
    Arithmetic(Word),
}

/// A parameter and what is done with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// A variable's name, a number, or one of `@*#?-$!`.
    pub name: BString,
    /// What is made of its value.
    pub operation: Operation,
}

/// What is made of a parameter's value. `null_too` is the colon of `:-`: an empty value counts as
/// none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// `${x}`
    Value,
    /// `${#x}`
    Length,
    /// `${x-word}`
    Default {
        /// Empty counts as unset.
        null_too: bool,
        /// Used instead.
        word: Word,
    },
    /// `${x=word}`
    Assign {
        /// Empty counts as unset.
        null_too: bool,
        /// Assigned and used.
        word: Word,
    },
    /// `${x?word}`
    Require {
        /// Empty counts as unset.
        null_too: bool,
        /// The message of the error.
        word: Word,
    },
    /// `${x+word}`
    Alternative {
        /// Empty counts as unset.
        null_too: bool,
        /// Used when the parameter is set.
        word: Word,
    },
    /// `${x#pattern}`, `${x##pattern}`
    RemovePrefix {
        /// The longest match instead of the shortest.
        longest: bool,
        /// What is taken away.
        pattern: Word,
    },
    /// `${x%pattern}`, `${x%%pattern}`
    RemoveSuffix {
        /// The longest match instead of the shortest.
        longest: bool,
        /// What is taken away.
        pattern: Word,
    },
}

/// Why text is not a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SyntaxError {
    /// It ends too early: more lines may complete it. The text names what is missing.
    Incomplete(&'static str),
    /// It can't become one.
    Unexpected(BString),
}

impl core::fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Incomplete(missing) => {
                write!(f, "Syntax error: end of file unexpected (expecting {missing})")
            }
            Self::Unexpected(token) => write!(f, "Syntax error: {token} unexpected"),
        }
    }
}

/// Whether `text` may be the name of a variable.
#[must_use]
pub fn is_name(text: &[u8]) -> bool {
    let (Some(first), letter) =
        (text.first(), |byte: &u8| byte.is_ascii_alphabetic() || *byte == b'_')
    else {
        return false;
    };
    letter(first) && text.iter().all(|byte| letter(byte) || byte.is_ascii_digit())
}

#[cfg(test)]
mod tests;
