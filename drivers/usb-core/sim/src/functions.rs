//! What a simulated adapter learns from its own descriptors.

/// The protocol of a configuration.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Function {
    Ncm,
    Ecm,
    Eem,
    Rndis,
    Other,
}

/// Every descriptor behind the configuration's own.
fn descriptors(configuration: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = configuration;
    std::iter::from_fn(move || {
        let length = usize::from(*rest.first()?);
        let (descriptor, behind) = rest.split_at_checked(length.max(2))?;
        rest = behind;
        Some(descriptor)
    })
}

impl Function {
    /// By the interfaces; RNDIS' codes are those of modems, too, and come last.
    pub(crate) fn of(configuration: &[u8]) -> Self {
        let has = |wanted: Self| {
            descriptors(configuration).any(|descriptor| {
                let told = match *descriptor {
                    [_, 4, _, _, _, 0x02, 0x0d, ..] => Self::Ncm,
                    [_, 4, _, _, _, 0x02, 0x06, ..] => Self::Ecm,
                    [_, 4, _, _, _, 0x02, 0x0c, ..] => Self::Eem,
                    [_, 4, _, _, _, 0x02, 0x02, 0xff, ..]
                    | [_, 4, _, _, _, 0xe0, 0x01, 0x03, ..]
                    | [_, 4, _, _, _, 0xef, 0x04 | 0x01, 0x01, ..] => Self::Rndis,
                    _ => Self::Other,
                };
                told == wanted
            })
        };
        let known = [Self::Ncm, Self::Ecm, Self::Eem, Self::Rndis];
        known.into_iter().find(|function| has(*function)).unwrap_or(Self::Other)
    }
}

/// Whether an endpoint is a bulk endpoint.
pub(crate) fn is_bulk(configuration: &[u8], endpoint: u8) -> bool {
    descriptors(configuration)
        .any(|descriptor| matches!(*descriptor, [_, 5, address, 2, ..] if address == endpoint))
}

/// wMaxPacketSize of the bulk endpoints.
pub(crate) fn packet_size(configuration: &[u8]) -> usize {
    let told = descriptors(configuration).find_map(|descriptor| match *descriptor {
        [_, 5, _, 2, low, high, ..] => Some(usize::from(u16::from_le_bytes([low, high]))),
        _ => None,
    });
    told.unwrap_or(64)
}
