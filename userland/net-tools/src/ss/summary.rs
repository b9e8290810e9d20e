//! `ss -s`: how many sockets there are, from `/proc/net/sockstat` and `/proc/net/sockstat6`
//! (proc(5)) and a count of TCP's.

use alloc::string::{String, ToString};

use super::diag::{DiagSocket, Protocol, State};
use super::filter::States;

/// The number after `name` in the line that begins with `line`.
fn number(text: &str, line: &str, name: &str) -> u64 {
    let found = text.lines().find_map(|found| found.strip_prefix(line)?.strip_prefix(':'));
    let mut words = found.unwrap_or_default().split_ascii_whitespace();
    while let Some(word) = words.next() {
        if word == name {
            return words.next().and_then(|number| number.parse().ok()).unwrap_or(0);
        }
    }
    0
}

fn read(path: &str) -> String {
    let content = rt::input::read_file(path).unwrap_or_default();
    String::from_utf8_lossy(&content).into_owned()
}

/// Prints the counts.
pub fn show() -> Result<(), String> {
    let mut diag = DiagSocket::open().map_err(|error| error.to_string())?;
    let sockets =
        diag.dump(Protocol::Tcp, States::ALL.bits(), false).map_err(|error| error.to_string())?;
    let in_state = |state| sockets.iter().filter(|socket| socket.state == state).count();
    let (all, six) = (read("/proc/net/sockstat"), read("/proc/net/sockstat6"));
    let used = number(&all, "sockets", "used");
    rt::println!("Total: {used}");
    rt::println!(
        "TCP:   {} (estab {}, closed {}, orphaned {}, timewait {})\n",
        sockets.len(),
        in_state(State::ESTABLISHED),
        in_state(State::CLOSED),
        number(&all, "TCP", "orphan"),
        in_state(State::TIME_WAIT)
    );
    rt::println!("Transport Total     IP        IPv6");
    let mut sums = (0, 0);
    for name in ["RAW", "UDP", "TCP"] {
        let four = number(&all, name, "inuse");
        let six = number(&six, &alloc::format!("{name}6"), "inuse");
        sums = (sums.0 + four, sums.1 + six);
        rt::println!("{name}\t  {:<9} {four:<9} {six:<9}", four + six);
    }
    rt::println!("INET\t  {:<9} {:<9} {:<9}", sums.0 + sums.1, sums.0, sums.1);
    let (four, six) = (number(&all, "FRAG", "inuse"), number(&six, "FRAG6", "inuse"));
    rt::println!("FRAG\t  {:<9} {four:<9} {six:<9}\n", four + six);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn counts() {
        let text = "sockets: used 50\nTCP: inuse 1 orphan 2 tw 3 alloc 4 mem 5\nUDPLITE: inuse 9\n";
        assert_eq!(number(text, "sockets", "used"), 50);
        assert_eq!(number(text, "TCP", "orphan"), 2);
        assert_eq!(number(text, "UDP", "inuse"), 0);
        assert_eq!(number(text, "TCP", "nothing"), 0);
        assert_eq!(number("", "TCP", "inuse"), 0);
    }
}
