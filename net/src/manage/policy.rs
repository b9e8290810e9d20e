//! Labels that the user gives to prefixes (`ip addrlabel`).

use crate::address::Prefix;
use crate::buffer::BufferPool;
use crate::interface::InterfaceIndex;
use crate::policy::{PolicyError, PolicyTable};
use crate::random::Random;
use crate::stack::Stack;

impl<P: BufferPool, R: Random> Stack<P, R> {
    /// The policy table of address selection.
    pub const fn policies(&self) -> &PolicyTable {
        &self.policies
    }

    /// Gives the addresses of a prefix a label, or (`replace`) another one. With an interface it is
    /// about its addresses only.
    pub fn set_label(
        &mut self,
        prefix: Prefix,
        interface: Option<InterfaceIndex>,
        label: u32,
        replace: bool,
    ) -> Result<(), PolicyError> {
        if interface.is_some_and(|index| self.interface(index).is_none()) {
            return Err(PolicyError::NoInterface);
        }
        self.policies.set_label(prefix, interface, label, replace)
    }

    /// Takes the label of a prefix away.
    pub fn remove_label(
        &mut self,
        prefix: Prefix,
        interface: Option<InterfaceIndex>,
    ) -> Result<(), PolicyError> {
        self.policies.remove(prefix, interface)
    }
}
