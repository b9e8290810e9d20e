//! From characters to tokens and words (POSIX.1-2024, "Shell Command Language", 2.2, 2.3, 2.6, 2.7.4).

use alloc::boxed::Box;
use alloc::format;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::OnceCell;

use rt::bstr::BString;

use super::parser::Parser;
use super::{Operation, Parameter, Part, SyntaxError, Word, is_name};

/// A token of the grammar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token {
    /// A word; reserved words are among them.
    Word(Word),
    /// A number right before a redirection operator.
    IoNumber(i32),
    /// One of the operators.
    Operator(&'static str),
    /// The end of a line.
    Newline,
    /// The end of the input.
    End,
}

impl Token {
    /// How an error message names it.
    #[must_use]
    pub fn describe(&self) -> BString {
        match self {
            Self::Word(word) => match word.plain() {
                Some(text) => format!("\"{}\"", BString::from(text)).into(),
                None => "word".into(),
            },
            Self::IoNumber(number) => format!("\"{number}\"").into(),
            Self::Operator(operator) => format!("\"{operator}\"").into(),
            Self::Newline => "newline".into(),
            Self::End => "end of file".into(),
        }
    }
}

/// Longest first, so that a prefix never wins.
const OPERATORS: [&str; 17] = [
    "<<-", "&&", "||", ";;", "<<", ">>", "<&", ">&", "<>", ">|", "&", "|", ";", "<", ">", "(", ")",
];

/// A here-document whose lines come after the end of the current line.
#[derive(Debug)]
struct PendingDocument {
    delimiter: BString,
    /// The delimiter was quoted: the lines are taken as they are.
    literal: bool,
    /// `<<-`: leading tabs go.
    strip_tabs: bool,
    content: Rc<OnceCell<Word>>,
}

/// The characters and where we are in them.
#[derive(Debug)]
pub struct Lexer<'a> {
    input: &'a [u8],
    position: usize,
    pending: Vec<PendingDocument>,
    /// How many constructs we are inside of.
    depth: usize,
}

/// Constructs nested deeper than this are refused: each level costs stack.
const MAX_DEPTH: usize = 100;

impl<'a> Lexer<'a> {
    /// Starts at `position` of `input`.
    #[must_use]
    pub fn new(input: &'a [u8], position: usize) -> Self {
        Self { input, position, pending: Vec::new(), depth: 0 }
    }

    /// A lexer for text inside what this one reads.
    fn nested<'b>(&self, input: &'b [u8], position: usize) -> Lexer<'b> {
        Lexer { input, position, pending: Vec::new(), depth: self.depth }
    }

    /// Goes one level deeper for the time of `read`.
    fn deeper<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, SyntaxError>,
    ) -> Result<T, SyntaxError> {
        self.enter()?;
        let result = read(self);
        self.leave();
        result
    }

    /// Begins a construct; an error when there are too many around it.
    pub fn enter(&mut self) -> Result<(), SyntaxError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(SyntaxError::Unexpected("nesting this deep".into()));
        }
        Ok(())
    }

    /// Ends a construct.
    pub fn leave(&mut self) {
        self.depth -= 1;
    }

    /// How much of the input has become tokens.
    #[must_use]
    pub fn position(&self) -> usize {
        self.position
    }

    fn rest(&self) -> &'a [u8] {
        self.input.get(self.position..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.input.get(self.position).copied()
    }

    fn bump(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.position += 1;
        Some(byte)
    }

    /// Skips `text` if it comes next.
    fn eat(&mut self, text: &[u8]) -> bool {
        let found = self.rest().starts_with(text);
        if found {
            self.position += text.len();
        }
        found
    }

    /// The next token.
    pub fn next_token(&mut self) -> Result<Token, SyntaxError> {
        loop {
            match self.peek() {
                Some(b' ' | b'\t' | b'\r') => self.position += 1,
                Some(b'\\') if self.rest().starts_with(b"\\\n") => self.position += 2,
                Some(b'#') => {
                    while self.peek().is_some_and(|byte| byte != b'\n') {
                        self.position += 1;
                    }
                }
                _ => break,
            }
        }
        let Some(byte) = self.peek() else {
            return if self.pending.is_empty() {
                Ok(Token::End)
            } else {
                Err(SyntaxError::Incomplete("here-document"))
            };
        };
        if byte == b'\n' {
            self.position += 1;
            self.read_documents()?;
            return Ok(Token::Newline);
        }
        if let Some(operator) = OPERATORS.iter().find(|op| self.rest().starts_with(op.as_bytes())) {
            self.position += operator.len();
            return Ok(Token::Operator(operator));
        }
        let digits = self.rest().iter().take_while(|byte| byte.is_ascii_digit()).count();
        if let Some(b'<' | b'>') = self.rest().get(digits)
            && let Some(number) = self.rest().get(..digits).and_then(rt::number::decimal)
            && number < 256
        {
            self.position += digits;
            return Ok(Token::IoNumber(number as i32));
        }
        self.word(|byte| {
            matches!(byte, b' ' | b'\t' | b'\n' | b'&' | b'|' | b';' | b'<' | b'>' | b'(' | b')')
        })
        .map(Token::Word)
    }

    /// Reads parts up to an unquoted byte for which `ends` holds, which stays.
    fn word(&mut self, ends: impl Fn(u8) -> bool) -> Result<Word, SyntaxError> {
        let mut parts = Vec::new();
        let mut literal = BString::default();
        while let Some(byte) = self.peek() {
            if ends(byte) {
                break;
            }
            self.position += 1;
            let part = match byte {
                b'\\' => match self.bump() {
                    None => return Err(SyntaxError::Incomplete("character after \"\\\"")),
                    Some(b'\n') => continue,
                    Some(escaped) => Part::Quoted(BString::from([escaped])),
                },
                b'\'' => self.single_quoted()?,
                b'"' => {
                    let parts = self.quoted_parts(Some(b'"'))?;
                    Part::DoubleQuoted(parts)
                }
                b'$' | b'`' => match self.expansion(byte)? {
                    Some(part) => part,
                    None => {
                        literal.push(byte);
                        continue;
                    }
                },
                _ => {
                    literal.push(byte);
                    continue;
                }
            };
            if !literal.is_empty() {
                parts.push(Part::Literal(core::mem::take(&mut literal)));
            }
            parts.push(part);
        }
        if !literal.is_empty() {
            parts.push(Part::Literal(literal));
        }
        Ok(Word(parts))
    }

    fn single_quoted(&mut self) -> Result<Part, SyntaxError> {
        let rest = self.rest();
        let end = rest.iter().position(|&byte| byte == b'\'');
        let end = end.ok_or(SyntaxError::Incomplete("\"'\""))?;
        self.position += end + 1;
        Ok(Part::Quoted(rest.get(..end).unwrap_or_default().into()))
    }

    /// What stands in double quotes up to `end`, or in a here-document (`None`: to the end of the
    /// input). The end is consumed.
    fn quoted_parts(&mut self, end: Option<u8>) -> Result<Vec<Part>, SyntaxError> {
        let mut parts = Vec::new();
        let mut text = BString::default();
        loop {
            let Some(byte) = self.bump() else {
                if end.is_some() {
                    return Err(SyntaxError::Incomplete("'\"'"));
                }
                break;
            };
            if Some(byte) == end {
                break;
            }
            let part = match byte {
                b'\\' => {
                    match self.peek() {
                        Some(b'\n') => {}
                        Some(escaped @ (b'$' | b'`' | b'\\')) => text.push(escaped),
                        Some(b'"') if end.is_some() => text.push(b'"'),
                        Some(b'}') if end == Some(b'}') => text.push(b'}'),
                        _ => {
                            text.push(b'\\');
                            continue;
                        }
                    }
                    self.position += 1;
                    continue;
                }
                b'$' | b'`' => self.expansion(byte)?,
                // Inside "${x:-...}" quotes may stand again.
                b'"' if end == Some(b'}') => {
                    Some(Part::DoubleQuoted(self.quoted_parts(Some(b'"'))?))
                }
                _ => None,
            };
            match part {
                Some(part) => {
                    if !text.is_empty() {
                        parts.push(Part::Quoted(core::mem::take(&mut text)));
                    }
                    parts.push(part);
                }
                None => text.push(byte),
            }
        }
        if !text.is_empty() {
            parts.push(Part::Quoted(text));
        }
        Ok(parts)
    }

    /// What follows a `$` or a backquote; `None` when it means only itself.
    fn expansion(&mut self, byte: u8) -> Result<Option<Part>, SyntaxError> {
        self.deeper(|lexer| lexer.expansion_inside(byte))
    }

    fn expansion_inside(&mut self, byte: u8) -> Result<Option<Part>, SyntaxError> {
        if byte == b'`' {
            return self.back_quoted().map(Some);
        }
        if self.rest().starts_with(b"((")
            && let Some(part) = self.arithmetic()?
        {
            return Ok(Some(part));
        }
        if self.eat(b"(") {
            let mut parser = Parser::from(self.nested(self.input, self.position));
            let list = parser.list_until(")")?;
            self.position = parser.position();
            return Ok(Some(Part::Command(list)));
        }
        if self.eat(b"{") {
            return self.braced_parameter().map(Some);
        }
        let name = match self.peek() {
            Some(b'0'..=b'9' | b'@' | b'*' | b'#' | b'?' | b'-' | b'$' | b'!') => 1,
            _ => self.name_length(),
        };
        if name == 0 {
            return Ok(None);
        }
        let name = self.take(name);
        Ok(Some(Part::Parameter(Box::new(Parameter { name, operation: Operation::Value }))))
    }

    fn take(&mut self, length: usize) -> BString {
        let text = self.rest().get(..length).unwrap_or_default().into();
        self.position += length;
        text
    }

    fn name_length(&self) -> usize {
        let rest = self.rest();
        let length =
            rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
        if rest.get(..length).is_some_and(is_name) { length } else { 0 }
    }

    /// `$((...))`; `None` when it turns out to be `$( (...) )`.
    fn arithmetic(&mut self) -> Result<Option<Part>, SyntaxError> {
        let start = self.position;
        self.position += 2;
        let mut depth = 0usize;
        let from = self.position;
        while let Some(byte) = self.bump() {
            match byte {
                b'(' => depth += 1,
                b')' if depth > 0 => depth -= 1,
                b')' if self.peek() == Some(b')') => {
                    let inside = self.input.get(from..self.position - 1).unwrap_or_default();
                    self.position += 1;
                    let parts = self.nested(inside, 0).quoted_parts(None)?;
                    return Ok(Some(Part::Arithmetic(Word(parts))));
                }
                b')' => {
                    self.position = start;
                    return Ok(None);
                }
                _ => {}
            }
        }
        Err(SyntaxError::Incomplete("\"))\""))
    }

    fn back_quoted(&mut self) -> Result<Part, SyntaxError> {
        let mut inside = Vec::new();
        loop {
            match self.bump() {
                None => return Err(SyntaxError::Incomplete("\"`\"")),
                Some(b'`') => break,
                Some(b'\\') if matches!(self.peek(), Some(b'$' | b'`' | b'\\')) => {
                    inside.extend(self.bump());
                }
                Some(byte) => inside.push(byte),
            }
        }
        Parser::from(self.nested(&inside, 0)).list_until("").map(Part::Command)
    }

    fn braced_parameter(&mut self) -> Result<Part, SyntaxError> {
        let bad = || SyntaxError::Unexpected("\"${\"".into());
        let missing = SyntaxError::Incomplete("\"}\"");
        let length_of = self.peek() == Some(b'#')
            && !matches!(
                self.rest().get(1),
                None | Some(b'}' | b':' | b'-' | b'=' | b'?' | b'+' | b'%')
            );
        if length_of {
            self.position += 1;
        }
        let name = match self.peek() {
            None => return Err(missing),
            Some(b'0'..=b'9') => {
                self.rest().iter().take_while(|byte| byte.is_ascii_digit()).count()
            }
            Some(b'@' | b'*' | b'#' | b'?' | b'-' | b'$' | b'!') => 1,
            Some(_) => self.name_length(),
        };
        if name == 0 {
            return Err(bad());
        }
        let name = self.take(name);
        if length_of {
            return match self.bump() {
                Some(b'}') => {
                    Ok(Part::Parameter(Box::new(Parameter { name, operation: Operation::Length })))
                }
                Some(_) => Err(bad()),
                None => Err(missing),
            };
        }
        let null_too = self.eat(b":");
        let Some(operator) = self.bump() else { return Err(missing) };
        let operation = match operator {
            b'}' if !null_too => {
                return Ok(Part::Parameter(Box::new(Parameter {
                    name,
                    operation: Operation::Value,
                })));
            }
            b'-' => Operation::Default { null_too, word: self.operand()? },
            b'=' => Operation::Assign { null_too, word: self.operand()? },
            b'?' => Operation::Require { null_too, word: self.operand()? },
            b'+' => Operation::Alternative { null_too, word: self.operand()? },
            b'#' if !null_too => {
                let longest = self.eat(b"#");
                Operation::RemovePrefix { longest, pattern: self.operand()? }
            }
            b'%' if !null_too => {
                let longest = self.eat(b"%");
                Operation::RemoveSuffix { longest, pattern: self.operand()? }
            }
            _ => return Err(bad()),
        };
        Ok(Part::Parameter(Box::new(Parameter { name, operation })))
    }

    /// The word after an operator in `${...}`, with the closing brace.
    fn operand(&mut self) -> Result<Word, SyntaxError> {
        let word = self.word(|byte| byte == b'}')?;
        if self.eat(b"}") { Ok(word) } else { Err(SyntaxError::Incomplete("\"}\"")) }
    }

    /// Notes a here-document that begins after this line; what is returned gets its content then.
    pub fn expect_document(&mut self, delimiter: &Word, strip_tabs: bool) -> Rc<OnceCell<Word>> {
        let content = Rc::new(OnceCell::new());
        self.pending.push(PendingDocument {
            delimiter: without_quotes(&delimiter.0),
            literal: delimiter.plain().is_none(),
            strip_tabs,
            content: content.clone(),
        });
        content
    }

    fn read_documents(&mut self) -> Result<(), SyntaxError> {
        for document in core::mem::take(&mut self.pending) {
            let mut text = Vec::new();
            loop {
                let rest = self.rest();
                if rest.is_empty() {
                    return Err(SyntaxError::Incomplete("here-document"));
                }
                let length =
                    rest.iter().position(|&byte| byte == b'\n').map_or(rest.len(), |at| at + 1);
                let mut line = rest.get(..length).unwrap_or_default();
                self.position += length;
                while let (true, Some((b'\t', after))) = (document.strip_tabs, line.split_first()) {
                    line = after;
                }
                if line.strip_suffix(b"\n").unwrap_or(line) == document.delimiter.as_slice() {
                    break;
                }
                text.extend_from_slice(line);
            }
            let parts = if document.literal {
                Vec::from([Part::Quoted(text.into())])
            } else {
                Lexer::new(&text, 0).quoted_parts(None)?
            };
            // Each pending document is read once, so its cell is empty.
            let _ = document.content.set(Word(parts));
        }
        Ok(())
    }
}

/// The delimiter of a here-document: quotes go, nothing is expanded.
fn without_quotes(parts: &[Part]) -> BString {
    let mut text = BString::default();
    for part in parts {
        match part {
            Part::Literal(piece) | Part::Quoted(piece) => text.extend_from_slice(piece),
            Part::DoubleQuoted(parts) => text.extend_from_slice(&without_quotes(parts)),
            Part::Parameter(_) | Part::Command(_) | Part::Arithmetic(_) => {}
        }
    }
    text
}
