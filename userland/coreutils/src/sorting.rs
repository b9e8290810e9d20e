//! The keys of `sort` (POSIX.1-2024, `sort`).

use core::cmp::Ordering;

use rt::bstr::{BStr, ByteSlice};

/// How two keys are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Order(u8);

const NUMERIC: u8 = 1;
const REVERSE: u8 = 2;
const FOLD: u8 = 4;
const BLANKS: u8 = 8;

impl Order {
    /// Adds the order of an option letter; false when there is none of that letter.
    pub fn add(&mut self, letter: u8) -> bool {
        self.0 |= match letter {
            b'n' => NUMERIC,
            b'r' => REVERSE,
            b'f' => FOLD,
            b'b' => BLANKS,
            _ => return false,
        };
        true
    }

    /// Whether larger ones come first.
    #[must_use]
    pub fn reverse(self) -> bool {
        self.0 & REVERSE != 0
    }

    fn has(self, flag: u8) -> bool {
        self.0 & flag != 0
    }
}

/// A place in a line: field and character in it, counted from 1; character 0 is the field's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    field: usize,
    character: usize,
}

/// What of a line decides about its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    from: Place,
    to: Option<Place>,
    order: Order,
}

impl Key {
    /// The whole line.
    #[must_use]
    pub const fn whole_line(order: Order) -> Self {
        Self { from: Place { field: 1, character: 1 }, to: None, order }
    }

    /// Reads `F[.C][OPTS][,F[.C][OPTS]]`.
    #[must_use]
    pub fn parse(text: &BStr) -> Option<Self> {
        let mut halves = text.splitn(2, |&byte| byte == b',');
        let mut order = Order::default();
        let from = place(halves.next()?, 1, &mut order)?;
        let to = match halves.next() {
            Some(text) => Some(place(text, 0, &mut order)?),
            None => None,
        };
        (from.character > 0).then_some(Self { from, to, order })
    }

    /// A key without orders of its own takes those of the command.
    pub fn inherit(&mut self, global: Order) {
        if self.order == Order::default() {
            self.order = global;
        }
    }

    /// Compares two lines.
    #[must_use]
    pub fn compare(&self, first: &[u8], second: &[u8], separator: Option<u8>) -> Ordering {
        let (first, second) = (self.part(first, separator), self.part(second, separator));
        let order = if self.order.has(NUMERIC) {
            numeric(first, second)
        } else if self.order.has(FOLD) {
            first.iter().map(u8::to_ascii_uppercase).cmp(second.iter().map(u8::to_ascii_uppercase))
        } else {
            first.cmp(second)
        };
        if self.order.reverse() { order.reverse() } else { order }
    }

    fn part<'l>(&self, line: &'l [u8], separator: Option<u8>) -> &'l [u8] {
        let (start, end) = field(line, self.from.field, separator);
        let blanks = |from: usize| {
            if self.order.has(BLANKS) {
                let rest = line.get(from..).unwrap_or_default();
                from + rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count()
            } else {
                from
            }
        };
        let from = (blanks(start) + self.from.character - 1).min(end.max(start)).min(line.len());
        let to = match self.to {
            None => line.len(),
            Some(place) => {
                let (start, end) = field(line, place.field, separator);
                if place.character == 0 { end } else { (blanks(start) + place.character).min(end) }
            }
        };
        line.get(from..to).unwrap_or_default()
    }
}

fn place(text: &[u8], character: usize, order: &mut Order) -> Option<Place> {
    let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, rest) = text.split_at_checked(digits(text))?;
    let field = usize::try_from(rt::number::decimal(number)?).ok().filter(|field| *field > 0)?;
    let (character, letters) = match rest.strip_prefix(b".") {
        Some(rest) => {
            let (number, letters) = rest.split_at_checked(digits(rest))?;
            (usize::try_from(rt::number::decimal(number)?).ok()?, letters)
        }
        None => (character, rest),
    };
    letters.iter().all(|letter| order.add(*letter)).then_some(Place { field, character })
}

/// Where a field begins and ends. Without a separator a field takes the blanks before it along.
fn field(line: &[u8], number: usize, separator: Option<u8>) -> (usize, usize) {
    let mut start = 0;
    for current in 1.. {
        let rest = line.get(start..).unwrap_or_default();
        let length = if let Some(separator) = separator {
            rest.find_byte(separator).unwrap_or(rest.len())
        } else {
            let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
            let blanks = rest.iter().take_while(|byte| blank(byte)).count();
            blanks + rest.iter().skip(blanks).take_while(|byte| !blank(byte)).count()
        };
        let end = start + length;
        if current == number {
            return (start, end);
        }
        if end >= line.len() {
            break;
        }
        start = end + usize::from(separator.is_some());
    }
    (line.len(), line.len())
}

/// Compares the numbers at the start: an optional minus, digits, a fraction; anything else is 0.
fn numeric(first: &[u8], second: &[u8]) -> Ordering {
    let (first, second) = (Number::of(first), Number::of(second));
    match (first.negative(), second.negative()) {
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        (false, false) => first.magnitude(&second),
        (true, true) => second.magnitude(&first),
    }
}

struct Number<'t> {
    minus: bool,
    whole: &'t [u8],
    fraction: &'t [u8],
}

impl<'t> Number<'t> {
    fn of(text: &'t [u8]) -> Self {
        let text = text.trim_ascii_start();
        let (minus, text) = match text.strip_prefix(b"-") {
            Some(text) => (true, text),
            None => (false, text),
        };
        let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (whole, rest) = text.split_at(digits(text));
        let fraction = rest.strip_prefix(b".").unwrap_or_default();
        let fraction = fraction.get(..digits(fraction)).unwrap_or_default();
        let zeros = whole.iter().take_while(|byte| **byte == b'0').count();
        let fraction = fraction.trim_end_with(|digit| digit == '0');
        Self { minus, whole: whole.get(zeros..).unwrap_or_default(), fraction }
    }

    /// Minus zero is zero.
    fn negative(&self) -> bool {
        self.minus && !(self.whole.is_empty() && self.fraction.is_empty())
    }

    fn magnitude(&self, other: &Self) -> Ordering {
        (self.whole.len().cmp(&other.whole.len()))
            .then_with(|| self.whole.cmp(other.whole))
            .then_with(|| self.fraction.cmp(other.fraction))
    }
}

#[cfg(test)]
mod tests {
    use core::cmp::Ordering;

    use rt::bstr::BStr;

    use super::{Key, numeric};

    #[test]
    fn numbers() {
        for (first, second, order) in [
            ("10", "9", Ordering::Greater),
            ("-10", "9", Ordering::Less),
            ("-10", "-9", Ordering::Less),
            ("1.5", "1.25", Ordering::Greater),
            ("007", "7", Ordering::Equal),
            ("-0", "0", Ordering::Equal),
            ("x", "0", Ordering::Equal),
            ("  3a", "3", Ordering::Equal),
            ("99999999999999999999", "100000000000000000000", Ordering::Less),
        ] {
            assert_eq!(numeric(first.as_bytes(), second.as_bytes()), order, "{first} {second}");
        }
    }

    #[test]
    fn keys() {
        let key = |text: &str| Key::parse(BStr::new(text)).expect("valid");
        assert_eq!(key("2,2").part(b"a b c", None), b" b");
        assert_eq!(key("2").part(b"a:b:c", Some(b':')), b"b:c");
        assert_eq!(key("2.2,3.1").part(b"a:bcd:ef", Some(b':')), b"cd:e");
        assert_eq!(key("2b,2").part(b"a   b c", None), b"b");
        assert_eq!(key("5").part(b"a b", None), b"");
        for text in ["", "0", "1.0", "x", "1z", "1,"] {
            assert_eq!(Key::parse(BStr::new(text)), None, "{text}");
        }
    }
}
