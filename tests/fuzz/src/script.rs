//! A sequence of events as octets: whatever the octets are, they are some script.
//!
//! | first octet, last two bits | what | what follows |
//! |---|---|---|
//! | 0 | time passes | milliseconds, 4 octets |
//! | 1 | something arrives | its length, 2 octets, and that many octets, or as many as there are |
//! | 2, 3 | something is wanted of the device, by the other six bits | an operand of 20 octets |

/// The longest time that passes at once: a month.
const LONGEST: u32 = 31 * 86_400_000;
/// The length of a [`Step::Want`]'s operand.
pub const OPERAND: usize = 20;

/// One event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// So many milliseconds pass.
    Time(u32),
    /// This arrives.
    Arrival(Vec<u8>),
    /// The device shall do something: which, by the number; with what, by the operand.
    Want(u8, [u8; OPERAND]),
}

/// The next `count` octets of `rest`, or zeros for those that are not there.
fn take<const COUNT: usize>(rest: &mut &[u8]) -> [u8; COUNT] {
    let mut taken = [0; COUNT];
    let there = rest.len().min(COUNT);
    let (front, back) = rest.split_at(there);
    taken[..there].copy_from_slice(front);
    *rest = back;
    taken
}

/// The script that `octets` are.
pub fn decode(octets: &[u8]) -> Vec<Step> {
    let (mut rest, mut steps) = (octets, Vec::new());
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        steps.push(match first & 3 {
            0 => Step::Time(u32::from_be_bytes(take(&mut rest)).min(LONGEST)),
            1 => {
                let length = usize::from(u16::from_be_bytes(take(&mut rest)));
                let (arrival, behind) = rest.split_at(length.min(rest.len()));
                rest = behind;
                Step::Arrival(arrival.to_vec())
            }
            _ => Step::Want(first >> 2, take(&mut rest)),
        });
    }
    steps
}

/// The octets of a script. An arrival is cut to 65,535 octets.
pub fn encode(steps: &[Step]) -> Vec<u8> {
    let mut octets = Vec::new();
    for step in steps {
        match step {
            Step::Time(milliseconds) => {
                octets.push(0);
                octets.extend(milliseconds.to_be_bytes());
            }
            Step::Arrival(arrival) => {
                let length = u16::try_from(arrival.len()).unwrap_or(u16::MAX);
                octets.push(1);
                octets.extend(length.to_be_bytes());
                octets.extend(&arrival[..usize::from(length)]);
            }
            Step::Want(what, operand) => {
                octets.push(what << 2 | 2);
                octets.extend(operand);
            }
        }
    }
    octets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_reads_back() {
        let script =
            [Step::Time(70_000), Step::Arrival(vec![1, 2, 3]), Step::Want(5, [9; OPERAND])];
        assert_eq!(decode(&encode(&script)), script);
    }

    #[test]
    fn any_octets_are_a_script() {
        assert_eq!(decode(&[]), []);
        assert_eq!(decode(&[0]), [Step::Time(0)]);
        assert_eq!(decode(&[0, 0xff, 0xff, 0xff, 0xff]), [Step::Time(LONGEST)]);
        assert_eq!(decode(&[1, 0, 9, 7]), [Step::Arrival(vec![7])]);
        assert_eq!(decode(&[0xff]), [Step::Want(0x3f, [0; OPERAND])]);
    }
}
