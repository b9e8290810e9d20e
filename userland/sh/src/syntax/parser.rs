//! From tokens to commands: recursive descent over the grammar of POSIX.1-2024, "Shell Command
//! Language", 2.10.

use alloc::rc::Rc;
use alloc::vec::Vec;

use rt::bstr::BString;

use super::lexer::{Lexer, Token};
use super::{
    AndOr, Command, Compound, Connective, List, ListItem, Part, Pipeline, Redirection, Simple,
    SyntaxError, Target, Word, is_name,
};

/// Reads commands from text.
#[derive(Debug)]
pub struct Parser<'a> {
    lexer: Lexer<'a>,
    /// A token that was looked at and not taken.
    peeked: Option<Token>,
}

type Result<T> = core::result::Result<T, SyntaxError>;

impl<'a> From<Lexer<'a>> for Parser<'a> {
    fn from(lexer: Lexer<'a>) -> Self {
        Self { lexer, peeked: None }
    }
}

impl<'a> Parser<'a> {
    /// Starts at `position` of `input`.
    #[must_use]
    pub fn new(input: &'a [u8], position: usize) -> Self {
        Self::from(Lexer::new(input, position))
    }

    /// How much of the input has been taken.
    #[must_use]
    pub fn position(&self) -> usize {
        self.lexer.position()
    }

    /// The commands of the next line (and of the lines they reach into); `None` at the end of the
    /// input.
    pub fn next_line(&mut self) -> Result<Option<List>> {
        let mut items = Vec::new();
        loop {
            match self.peek()? {
                Token::End if items.is_empty() => return Ok(None),
                Token::End => return Ok(Some(List(items))),
                Token::Newline => {
                    self.next()?;
                    if !items.is_empty() {
                        return Ok(Some(List(items)));
                    }
                }
                _ => {
                    items.push(self.list_item()?);
                    let next = self.peek()?.clone();
                    let separated = items.last().is_some_and(|item| item.background);
                    match next {
                        Token::Newline | Token::End => {}
                        Token::Operator(";") => {
                            self.next()?;
                        }
                        _ if separated => {}
                        token => return Err(SyntaxError::Unexpected(token.describe())),
                    }
                }
            }
        }
    }

    /// Commands up to the operator `end`, which is taken; the empty string is the end of the input.
    pub fn list_until(&mut self, end: &'static str) -> Result<List> {
        let list = self.list()?;
        match self.next()? {
            Token::Operator(operator) if operator == end => Ok(list),
            Token::End if end.is_empty() => Ok(list),
            Token::End => Err(SyntaxError::Incomplete("\")\"")),
            token => Err(SyntaxError::Unexpected(token.describe())),
        }
    }

    fn next(&mut self) -> Result<Token> {
        match self.peeked.take() {
            Some(token) => Ok(token),
            None => self.lexer.next_token(),
        }
    }

    fn peek(&mut self) -> Result<&Token> {
        let token = self.next()?;
        Ok(self.peeked.insert(token))
    }

    fn eat_operator(&mut self, operator: &str) -> Result<bool> {
        let found = matches!(self.peek()?, Token::Operator(next) if *next == operator);
        if found {
            self.next()?;
        }
        Ok(found)
    }

    fn skip_newlines(&mut self) -> Result<()> {
        while *self.peek()? == Token::Newline {
            self.next()?;
        }
        Ok(())
    }

    /// The next token as a word without quotes, which may be reserved.
    fn peek_plain(&mut self) -> Result<Option<&[u8]>> {
        Ok(match self.peek()? {
            Token::Word(word) => word.plain(),
            _ => None,
        })
    }

    fn eat_reserved(&mut self, word: &str) -> Result<bool> {
        let found = self.peek_plain()? == Some(word.as_bytes());
        if found {
            self.next()?;
        }
        Ok(found)
    }

    fn expect_reserved(&mut self, word: &'static str) -> Result<()> {
        match self.next()? {
            Token::Word(found) if found.plain() == Some(word.as_bytes()) => Ok(()),
            Token::End => Err(SyntaxError::Incomplete(word)),
            token => Err(SyntaxError::Unexpected(token.describe())),
        }
    }

    /// Commands up to something that can't begin one.
    fn list(&mut self) -> Result<List> {
        let mut items = Vec::new();
        loop {
            self.skip_newlines()?;
            if self.at_end_of_list()? {
                return Ok(List(items));
            }
            let item = self.list_item()?;
            let separated = item.background;
            items.push(item);
            match self.peek()? {
                Token::Operator(";") => {
                    self.next()?;
                }
                Token::Newline => {}
                _ if separated => {}
                _ => return Ok(List(items)),
            }
        }
    }

    fn at_end_of_list(&mut self) -> Result<bool> {
        if matches!(self.peek()?, Token::End | Token::Operator(")" | ";;")) {
            return Ok(true);
        }
        Ok(matches!(
            self.peek_plain()?,
            Some(b"then" | b"elif" | b"else" | b"fi" | b"do" | b"done" | b"esac" | b"}")
        ))
    }

    /// A list that must have a command in it.
    fn full_list(&mut self) -> Result<List> {
        let list = self.list()?;
        if list.0.is_empty() {
            return Err(match self.next()? {
                Token::End => SyntaxError::Incomplete("command"),
                token => SyntaxError::Unexpected(token.describe()),
            });
        }
        Ok(list)
    }

    fn list_item(&mut self) -> Result<ListItem> {
        let first = self.pipeline()?;
        let mut rest = Vec::new();
        loop {
            let connective = match self.peek()? {
                Token::Operator("&&") => Connective::And,
                Token::Operator("||") => Connective::Or,
                _ => break,
            };
            self.next()?;
            self.skip_newlines()?;
            rest.push((connective, self.pipeline()?));
        }
        let background = self.eat_operator("&")?;
        Ok(ListItem { and_or: AndOr { first, rest }, background })
    }

    fn pipeline(&mut self) -> Result<Pipeline> {
        let mut negated = false;
        while self.eat_reserved("!")? {
            negated = !negated;
        }
        let mut commands = Vec::from([self.command()?]);
        while self.eat_operator("|")? {
            self.skip_newlines()?;
            commands.push(self.command()?);
        }
        Ok(Pipeline { negated, commands })
    }

    fn command(&mut self) -> Result<Command> {
        self.lexer.enter()?;
        let command = self.command_inner();
        self.lexer.leave();
        command
    }

    fn command_inner(&mut self) -> Result<Command> {
        let compound = match self.peek()? {
            Token::Operator("(") => {
                self.next()?;
                let list = self.full_list()?;
                match self.next()? {
                    Token::Operator(")") => Compound::Subshell(list),
                    Token::End => return Err(SyntaxError::Incomplete("\")\"")),
                    token => return Err(SyntaxError::Unexpected(token.describe())),
                }
            }
            Token::Word(word) => match word.plain() {
                Some(b"{") => {
                    self.next()?;
                    let list = self.full_list()?;
                    self.expect_reserved("}")?;
                    Compound::Group(list)
                }
                Some(b"if") => self.if_clause()?,
                Some(b"while") => self.loop_clause(false)?,
                Some(b"until") => self.loop_clause(true)?,
                Some(b"for") => self.for_clause()?,
                Some(b"case") => self.case_clause()?,
                Some(b"then" | b"elif" | b"else" | b"fi" | b"do" | b"done" | b"esac" | b"}") => {
                    let token = self.next()?;
                    return Err(SyntaxError::Unexpected(token.describe()));
                }
                _ => return self.simple_command(),
            },
            _ => return self.simple_command(),
        };
        let mut redirections = Vec::new();
        while let Some(redirection) = self.redirection()? {
            redirections.push(redirection);
        }
        Ok(Command::Compound(compound, redirections))
    }

    fn if_clause(&mut self) -> Result<Compound> {
        self.next()?;
        let mut branches = Vec::new();
        let mut otherwise = None;
        loop {
            let condition = self.full_list()?;
            self.expect_reserved("then")?;
            branches.push((condition, self.full_list()?));
            if self.eat_reserved("elif")? {
                continue;
            }
            if self.eat_reserved("else")? {
                otherwise = Some(self.full_list()?);
            }
            self.expect_reserved("fi")?;
            return Ok(Compound::If { branches, otherwise });
        }
    }

    fn loop_clause(&mut self, until: bool) -> Result<Compound> {
        self.next()?;
        let condition = self.full_list()?;
        let body = self.do_group()?;
        Ok(Compound::Loop { until, condition, body })
    }

    fn do_group(&mut self) -> Result<List> {
        self.expect_reserved("do")?;
        let body = self.full_list()?;
        self.expect_reserved("done")?;
        Ok(body)
    }

    fn for_clause(&mut self) -> Result<Compound> {
        self.next()?;
        let name = match self.next()? {
            Token::Word(word) if word.plain().is_some_and(is_name) => {
                BString::from(word.plain().unwrap_or_default())
            }
            Token::End => return Err(SyntaxError::Incomplete("variable name")),
            token => return Err(SyntaxError::Unexpected(token.describe())),
        };
        self.skip_newlines()?;
        let words = if self.eat_reserved("in")? {
            let mut words = Vec::new();
            while let Token::Word(_) = self.peek()? {
                if let Token::Word(word) = self.next()? {
                    words.push(word);
                }
            }
            match self.peek()? {
                Token::Newline | Token::Operator(";") => {
                    self.next()?;
                }
                Token::End => return Err(SyntaxError::Incomplete("\"do\"")),
                token => return Err(SyntaxError::Unexpected(token.describe())),
            }
            Some(words)
        } else {
            self.eat_operator(";")?;
            None
        };
        self.skip_newlines()?;
        let body = self.do_group()?;
        Ok(Compound::For { name, words, body })
    }

    fn case_clause(&mut self) -> Result<Compound> {
        self.next()?;
        let word = self.expect_word()?;
        self.skip_newlines()?;
        self.expect_reserved("in")?;
        let mut arms = Vec::new();
        loop {
            self.skip_newlines()?;
            if self.eat_reserved("esac")? {
                return Ok(Compound::Case { word, arms });
            }
            self.eat_operator("(")?;
            let mut patterns = Vec::from([self.expect_word()?]);
            while self.eat_operator("|")? {
                patterns.push(self.expect_word()?);
            }
            match self.next()? {
                Token::Operator(")") => {}
                Token::End => return Err(SyntaxError::Incomplete("\")\"")),
                token => return Err(SyntaxError::Unexpected(token.describe())),
            }
            arms.push((patterns, self.list()?));
            if !self.eat_operator(";;")? {
                self.skip_newlines()?;
                self.expect_reserved("esac")?;
                return Ok(Compound::Case { word, arms });
            }
        }
    }

    fn expect_word(&mut self) -> Result<Word> {
        match self.next()? {
            Token::Word(word) => Ok(word),
            Token::End => Err(SyntaxError::Incomplete("word")),
            token => Err(SyntaxError::Unexpected(token.describe())),
        }
    }

    fn simple_command(&mut self) -> Result<Command> {
        let mut command = Simple::default();
        loop {
            if let Some(redirection) = self.redirection()? {
                command.redirections.push(redirection);
                continue;
            }
            match self.peek()? {
                Token::Word(_) => {}
                Token::Operator("(") if command.assignments.is_empty() => {
                    if let [word] = command.words.as_slice()
                        && let Some(name) = word.plain().filter(|name| is_name(name))
                    {
                        let name = name.into();
                        return self.function(name);
                    }
                    return Err(SyntaxError::Unexpected("\"(\"".into()));
                }
                _ => break,
            }
            let Token::Word(word) = self.next()? else { break };
            match assignment(&word) {
                Some(assignment) if command.words.is_empty() => {
                    command.assignments.push(assignment);
                }
                _ => command.words.push(word),
            }
        }
        if command == Simple::default() {
            return Err(match self.next()? {
                Token::End => SyntaxError::Incomplete("command"),
                token => SyntaxError::Unexpected(token.describe()),
            });
        }
        Ok(Command::Simple(command))
    }

    /// `name` has been read and `(` is next.
    fn function(&mut self, name: BString) -> Result<Command> {
        self.next()?;
        match self.next()? {
            Token::Operator(")") => {}
            Token::End => return Err(SyntaxError::Incomplete("\")\"")),
            token => return Err(SyntaxError::Unexpected(token.describe())),
        }
        self.skip_newlines()?;
        if *self.peek()? == Token::End {
            return Err(SyntaxError::Incomplete("function body"));
        }
        Ok(Command::Function(name, Rc::new(self.command()?)))
    }

    fn redirection(&mut self) -> Result<Option<Redirection>> {
        let number = match self.peek()? {
            Token::IoNumber(number) => Some(*number),
            _ => None,
        };
        if number.is_some() {
            self.next()?;
        }
        let Token::Operator(operator) = *self.peek()? else { return Ok(None) };
        let default = match operator {
            "<" | "<<" | "<<-" | "<&" | "<>" => 0,
            ">" | ">>" | ">&" | ">|" => 1,
            _ => return Ok(None),
        };
        self.next()?;
        let word = self.expect_word()?;
        let target = match operator {
            "<" => Target::Read(word),
            ">" | ">|" => Target::Write(word),
            ">>" => Target::Append(word),
            "<>" => Target::ReadWrite(word),
            "<&" | ">&" => Target::Duplicate(word),
            _ => Target::HereDocument(self.lexer.expect_document(&word, operator == "<<-")),
        };
        Ok(Some(Redirection { fd: number.unwrap_or(default), target }))
    }
}

/// `NAME=value` taken apart.
fn assignment(word: &Word) -> Option<(BString, Word)> {
    let (Part::Literal(first), others) = word.0.split_first()? else { return None };
    let equals = first.iter().position(|&byte| byte == b'=')?;
    let (name, value) = (first.get(..equals)?, first.get(equals + 1..)?);
    if !is_name(name) {
        return None;
    }
    let mut parts = Vec::new();
    if !value.is_empty() {
        parts.push(Part::Literal(value.into()));
    }
    parts.extend_from_slice(others);
    Some((name.into(), Word(parts)))
}
