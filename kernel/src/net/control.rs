//! Control messages of sendmsg(2) and recvmsg(2): `cmsghdr` and its data (cmsg(3), RFC 3542
//! section 6).

use crate::syscall::errno::Errno;
use alloc::vec::Vec;

/// Length of `cmsghdr`: length (u64), level and type (i32 each).
const HEADER_LENGTH: usize = 16;

/// CMSG_ALIGN.
const fn align(length: usize) -> usize {
    (length + 7) & !7
}

/// One control message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ControlMessage<'a> {
    /// Protocol level, such as SOL_IPV6.
    pub level: u32,
    /// What it is, such as IPV6_PKTINFO.
    pub kind: u32,
    /// Its data.
    pub data: &'a [u8],
}

/// Splits what a program gave; `EINVAL` for a length that does not fit, as Linux answers.
pub fn parse(mut bytes: &[u8]) -> impl Iterator<Item = Result<ControlMessage<'_>, Errno>> {
    core::iter::from_fn(move || {
        if bytes.len() < HEADER_LENGTH {
            return None;
        }
        let message = split(bytes);
        bytes = match &message {
            Ok((_, rest)) => rest,
            Err(_) => &[],
        };
        Some(message.map(|(message, _)| message))
    })
}

fn split(bytes: &[u8]) -> Result<(ControlMessage<'_>, &[u8]), Errno> {
    let length = bytes.first_chunk().map(|field| u64::from_ne_bytes(*field)).ok_or(Errno::INVAL)?;
    let length = usize::try_from(length).map_err(|_| Errno::INVAL)?;
    let data = bytes.get(HEADER_LENGTH..length).ok_or(Errno::INVAL)?;
    let field = |offset: usize| {
        bytes.get(offset..).and_then(|rest| rest.first_chunk()).map(|f| u32::from_ne_bytes(*f))
    };
    let (level, kind) = field(8).zip(field(12)).ok_or(Errno::INVAL)?;
    Ok((ControlMessage { level, kind, data }, bytes.get(align(length)..).unwrap_or_default()))
}

/// Appends a control message, padded so that another can follow.
pub fn push(to: &mut Vec<u8>, level: u32, kind: u32, data: &[u8]) {
    to.extend_from_slice(&((HEADER_LENGTH + data.len()) as u64).to_ne_bytes());
    to.extend_from_slice(&level.to_ne_bytes());
    to.extend_from_slice(&kind.to_ne_bytes());
    to.extend_from_slice(data);
    to.resize(align(to.len()), 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_pushed_is_parsed() {
        let mut bytes = Vec::new();
        push(&mut bytes, 41, 52, &64u32.to_ne_bytes());
        push(&mut bytes, 41, 50, &[7; 20]);
        assert_eq!(bytes.len(), 24 + 40, "as Linux measures them");
        let messages: Result<Vec<_>, _> = parse(&bytes).collect();
        assert_eq!(
            messages,
            Ok(alloc::vec![
                ControlMessage { level: 41, kind: 52, data: &64u32.to_ne_bytes() },
                ControlMessage { level: 41, kind: 50, data: &[7; 20] },
            ])
        );
    }

    #[test]
    fn lengths_that_lie_are_refused() {
        let mut bytes = Vec::new();
        push(&mut bytes, 41, 52, &[0; 4]);
        for length in [0u64, 15, 25, u64::MAX] {
            bytes[..8].copy_from_slice(&length.to_ne_bytes());
            let last = parse(&bytes).last();
            assert_eq!(last, Some(Err(Errno::INVAL)), "length {length}");
        }
    }
}
