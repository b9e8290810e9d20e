//! The page tables of a process: the architecture's, or on the host a model of them for tests.

#[cfg(target_os = "none")]
pub use crate::arch::aarch64::UserTable;
#[cfg(not(target_os = "none"))]
pub use model::UserTable;

/// A table that remembers what was entered.
#[cfg(not(target_os = "none"))]
mod model {
    use crate::memory::{Permissions, PhysicalAddress, UserAddress};
    use alloc::collections::BTreeMap;

    /// There is no memory for another table.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct OutOfMemory;

    /// Stands for the page tables of one process.
    pub struct UserTable(BTreeMap<UserAddress, (PhysicalAddress, Permissions)>);

    impl UserTable {
        /// An empty table.
        pub fn new() -> Option<Self> {
            Some(Self(BTreeMap::new()))
        }

        /// Enters a page.
        pub fn map(
            &mut self,
            page: UserAddress,
            frame: PhysicalAddress,
            permissions: Permissions,
        ) -> Result<(), OutOfMemory> {
            self.0.insert(page, (frame, permissions));
            Ok(())
        }

        /// Takes a page out.
        pub fn unmap(&mut self, page: UserAddress) {
            self.0.remove(&page);
        }

        /// There is nothing to switch on the host.
        pub fn activate(&self) {}

        /// What is entered for a page.
        pub fn entry(&self, page: UserAddress) -> Option<(PhysicalAddress, Permissions)> {
            self.0.get(&page).copied()
        }
    }
}
