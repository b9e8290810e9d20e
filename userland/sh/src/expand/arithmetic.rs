//! `$((...))`: integer expressions of C over 64-bit variables (POSIX.1-2024, "Shell Command
//! Language", 2.6.4). Overflow wraps around.

use alloc::format;
use alloc::string::ToString;

use rt::bstr::{BStr, BString};

use super::{Environment, ExpansionError};

type Result<T> = core::result::Result<T, ExpansionError>;

/// Expressions nested deeper than this are refused: each level costs stack.
const MAX_DEPTH: usize = 64;

/// The value of an expression; assignments in it are made.
pub fn evaluate(text: &[u8], environment: &mut impl Environment) -> Result<i64> {
    let mut evaluator = Evaluator { text, position: 0, environment, depth: 0 };
    if evaluator.peek().is_none() {
        return Ok(0);
    }
    let value = evaluator.assignment(true)?;
    match evaluator.peek() {
        None => Ok(value),
        Some(_) => Err(evaluator.error()),
    }
}

struct Evaluator<'t, 'e, E> {
    text: &'t [u8],
    position: usize,
    environment: &'e mut E,
    depth: usize,
}

/// Binary operators with their precedence; longer ones first where one begins another.
const BINARY: [(&str, u8); 18] = [
    ("||", 1),
    ("&&", 2),
    ("==", 6),
    ("!=", 6),
    ("<<", 8),
    (">>", 8),
    ("<=", 7),
    (">=", 7),
    ("|", 3),
    ("^", 4),
    ("&", 5),
    ("<", 7),
    (">", 7),
    ("+", 9),
    ("-", 9),
    ("*", 10),
    ("/", 10),
    ("%", 10),
];

impl<E: Environment> Evaluator<'_, '_, E> {
    fn rest(&self) -> &[u8] {
        self.text.get(self.position..).unwrap_or_default()
    }

    fn peek(&mut self) -> Option<u8> {
        while self.rest().first().is_some_and(u8::is_ascii_whitespace) {
            self.position += 1;
        }
        self.rest().first().copied()
    }

    fn eat(&mut self, text: &str) -> bool {
        self.peek();
        let found = self.rest().starts_with(text.as_bytes());
        if found {
            self.position += text.len();
        }
        found
    }

    fn error(&self) -> ExpansionError {
        ExpansionError(
            format!("arithmetic expression: syntax error: \"{}\"", BStr::new(self.text)).into(),
        )
    }

    /// A name at the current place, without taking it.
    fn name(&mut self) -> Option<BString> {
        self.peek();
        let length = (self.rest().iter())
            .take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_')
            .count();
        let name = self.rest().get(..length)?;
        crate::syntax::is_name(name).then(|| name.into())
    }

    /// `live` is false in the branch not taken: it is read, but nothing is assigned and no
    /// division fails.
    fn assignment(&mut self, live: bool) -> Result<i64> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(ExpansionError("arithmetic expression: nested too deep".into()));
        }
        let value = self.assignment_inner(live);
        self.depth -= 1;
        value
    }

    fn assignment_inner(&mut self, live: bool) -> Result<i64> {
        let start = self.position;
        if let Some(name) = self.name() {
            self.position += name.len();
            self.peek();
            for operator in ["", "+", "-", "*", "/", "%", "<<", ">>", "&", "^", "|"] {
                let Some(after) = self.rest().strip_prefix(operator.as_bytes()) else { continue };
                if after.first() != Some(&b'=')
                    || (operator.is_empty() && after.get(1) == Some(&b'='))
                {
                    continue;
                }
                self.position += operator.len() + 1;
                let right = self.assignment(live)?;
                let value = if operator.is_empty() {
                    right
                } else {
                    let left = self.variable(&name)?;
                    self.apply(operator, left, right, live)?
                };
                if live {
                    self.environment.assign(BStr::new(&name), value.to_string().into())?;
                }
                return Ok(value);
            }
            self.position = start;
        }
        let condition = self.binary(0, live)?;
        if !self.eat("?") {
            return Ok(condition);
        }
        let yes = self.assignment(live && condition != 0)?;
        if !self.eat(":") {
            return Err(self.error());
        }
        let no = self.assignment(live && condition == 0)?;
        Ok(if condition != 0 { yes } else { no })
    }

    fn binary(&mut self, least: u8, live: bool) -> Result<i64> {
        let mut left = self.unary(live)?;
        loop {
            self.peek();
            let rest = self.rest();
            let Some(&(operator, precedence)) =
                BINARY.iter().find(|(operator, _)| rest.starts_with(operator.as_bytes()))
            else {
                return Ok(left);
            };
            let assigns = rest.get(operator.len()) == Some(&b'=')
                && !matches!(operator, "==" | "!=" | "<=" | ">=" | "<" | ">");
            if precedence <= least || assigns {
                return Ok(left);
            }
            self.position += operator.len();
            let needed = match operator {
                "&&" => left != 0,
                "||" => left == 0,
                _ => true,
            };
            let right = self.binary(precedence, live && needed)?;
            left = self.apply(operator, left, right, live)?;
        }
    }

    fn apply(&self, operator: &str, left: i64, right: i64, live: bool) -> Result<i64> {
        Ok(match operator {
            "||" => i64::from(left != 0 || right != 0),
            "&&" => i64::from(left != 0 && right != 0),
            "==" => i64::from(left == right),
            "!=" => i64::from(left != right),
            "<=" => i64::from(left <= right),
            ">=" => i64::from(left >= right),
            "<" => i64::from(left < right),
            ">" => i64::from(left > right),
            "<<" => left.wrapping_shl(right as u32),
            ">>" => left.wrapping_shr(right as u32),
            "|" => left | right,
            "^" => left ^ right,
            "&" => left & right,
            "+" => left.wrapping_add(right),
            "-" => left.wrapping_sub(right),
            "*" => left.wrapping_mul(right),
            "/" | "%" if right == 0 => {
                if live {
                    return Err(ExpansionError("arithmetic expression: division by zero".into()));
                }
                0
            }
            "/" => left.wrapping_div(right),
            "%" => left.wrapping_rem(right),
            _ => return Err(self.error()),
        })
    }

    fn unary(&mut self, live: bool) -> Result<i64> {
        match self.peek() {
            Some(sign @ (b'-' | b'+' | b'!' | b'~')) => {
                self.position += 1;
                self.depth += 1;
                if self.depth > MAX_DEPTH {
                    return Err(self.error());
                }
                let value = self.unary(live)?;
                self.depth -= 1;
                Ok(match sign {
                    b'-' => value.wrapping_neg(),
                    b'!' => i64::from(value == 0),
                    b'~' => !value,
                    _ => value,
                })
            }
            Some(b'(') => {
                self.position += 1;
                let value = self.assignment(live)?;
                if self.eat(")") { Ok(value) } else { Err(self.error()) }
            }
            Some(b'0'..=b'9') => {
                let length =
                    self.rest().iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
                let value = self.rest().get(..length).and_then(number);
                self.position += length;
                value.ok_or_else(|| self.error())
            }
            _ => {
                let name = self.name().ok_or_else(|| self.error())?;
                self.position += name.len();
                self.variable(&name)
            }
        }
    }

    /// An unset or empty variable is 0.
    fn variable(&self, name: &BString) -> Result<i64> {
        let value = self.environment.parameter(BStr::new(name)).unwrap_or_default();
        let text = value.trim_ascii();
        if text.is_empty() {
            return Ok(0);
        }
        let (negative, digits) = match text.strip_prefix(b"-") {
            Some(digits) => (true, digits),
            None => (false, text.strip_prefix(b"+").unwrap_or(text)),
        };
        let number = number(digits)
            .ok_or_else(|| ExpansionError(format!("Illegal number: {value}").into()))?;
        Ok(if negative { number.wrapping_neg() } else { number })
    }
}

/// Decimal, `0x` hexadecimal or `0` octal.
fn number(text: &[u8]) -> Option<i64> {
    let (radix, digits) = match text {
        [b'0', b'x' | b'X', digits @ ..] => (16, digits),
        [b'0', digits @ ..] if !digits.is_empty() => (8, digits),
        digits => (10, digits),
    };
    i64::from_str_radix(core::str::from_utf8(digits).ok()?, radix).ok()
}
