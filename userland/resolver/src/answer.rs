//! What a response says about a question: records, another name, or that there is nothing.
//!
//! Only the records that lead from the name in question to the answer are taken (RFC 2181 section
//! 5.4.1); everything else a server adds is left aside, for it may be about anything.

use alloc::vec::Vec;
use core::time::Duration;

use domain::base::iana::{OptRcode, Rtype};
use domain::base::wire::ParseError;
use domain::base::{Message, RecordSection};

use crate::message::Question;
use crate::name::Name;
use crate::record::{Data, Record};

/// Aliases that are followed from one name (RFC 1034 section 3.6.2 wants an end to loops).
pub const MOST_ALIASES: usize = 16;
/// How long it is remembered at most that something does not exist (RFC 2308 section 5).
const LONGEST_NOTHING: u32 = 3 * 3600;
/// How long anything is remembered at most (RFC 8767 section 4 has a week, others a day).
const LONGEST: u32 = 24 * 3600;

/// How a name stands to a type of record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// There are these records.
    Records(Vec<Record>),
    /// It is an alias of this name, of which the response says nothing.
    Alias(Name),
    /// The name exists, but has no records of the type.
    NoData,
    /// The name does not exist.
    NoName,
}

/// What a response says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The CNAME records that were followed, the first one first.
    pub aliases: Vec<Record>,
    /// What stands at their end.
    pub outcome: Outcome,
    /// How long it may be remembered.
    pub lifetime: Duration,
    /// A server that is responsible for the name has said so.
    pub authoritative: bool,
    /// The interface behind which it was given, and link-local addresses in it are; 0 when a name
    /// server has given it.
    pub link: u32,
}

impl Answer {
    /// Reads the response to `question`.
    pub fn read(
        message: &Message<Vec<u8>>,
        code: OptRcode,
        question: &Question,
    ) -> Result<Self, ParseError> {
        let message =
            Message::from_slice(message.as_slice()).map_err(|_| ParseError::ShortInput)?;
        let mut records = collect(message.answer()?)?;
        let mut aliases: Vec<Record> = Vec::new();
        let mut name = question.name.clone();
        let follows = !matches!(question.kind, Rtype::CNAME | Rtype::ANY);
        while follows && aliases.len() < MOST_ALIASES {
            let is_alias =
                |record: &Record| record.owner == name && matches!(record.data, Data::Cname(_));
            let Some(at) = records.iter().position(is_alias) else { break };
            // Taken out, no record is passed twice: a loop ends.
            let mut alias = records.remove(at);
            // The letter case of the question on the wire is nobody's spelling.
            alias.owner = name;
            name = match &alias.data {
                Data::Cname(target) => target.clone(),
                _ => alias.owner.clone(),
            };
            aliases.push(alias);
        }
        let is_wanted = |record: &Record| {
            record.owner == name
                && (question.kind == Rtype::ANY || record.data.kind() == question.kind)
        };
        records.retain(is_wanted);
        for record in &mut records {
            record.owner = name.clone();
        }
        let zone =
            collect(message.authority()?)?.into_iter().find_map(|record| match record.data {
                Data::Soa(zone) => Some(record.ttl.min(zone.minimum)),
                _ => None,
            });
        let nothing = zone.unwrap_or(0).min(LONGEST_NOTHING);
        let (outcome, least) = if code == OptRcode::NXDOMAIN {
            (Outcome::NoName, nothing)
        } else if !records.is_empty() {
            let least = records.iter().map(|record| record.ttl).min();
            (Outcome::Records(records), least.unwrap_or(0))
        } else if !aliases.is_empty() && zone.is_none() {
            (Outcome::Alias(name), LONGEST)
        } else {
            (Outcome::NoData, nothing)
        };
        let least = aliases.iter().map(|record| record.ttl).fold(least, u32::min);
        let lifetime = Duration::from_secs(least.min(LONGEST).into());
        Ok(Self { aliases, outcome, lifetime, authoritative: message.header().aa(), link: 0 })
    }

    /// What there is to know without asking anybody: nothing.
    #[must_use]
    pub const fn nothing(outcome: Outcome) -> Self {
        Self {
            aliases: Vec::new(),
            outcome,
            lifetime: Duration::ZERO,
            authoritative: true,
            link: 0,
        }
    }

    /// The name at the end of the aliases of `name`.
    #[must_use]
    pub fn canonical<'a>(&'a self, name: &'a Name) -> &'a Name {
        match self.aliases.last().map(|record| &record.data) {
            Some(Data::Cname(target)) => target,
            _ => name,
        }
    }

    /// The records, if there are any.
    #[must_use]
    pub fn records(&self) -> &[Record] {
        match &self.outcome {
            Outcome::Records(records) => records,
            _ => &[],
        }
    }
}

/// The records of class IN in a section.
pub fn collect(section: RecordSection<'_, [u8]>) -> Result<Vec<Record>, ParseError> {
    let mut records = Vec::new();
    for record in section {
        records.extend(Record::parse(&record?)?);
    }
    Ok(records)
}

#[cfg(test)]
mod tests;
