//! Tables of 64 requirements, one for each feature bit, as types.
//!
//! A table is a tuple of eight rows, and a row is a tuple of eight requirements. The index of a feature is a pair of octal
//! digits: bit 35 is `(Digit4, Digit3)`. Bits 64 to 127 have a table of their own: bit 99 is `(High, Digit4, Digit3)`.
//!
//! Features with the same bit share a requirement. The only such features are GUEST_RSC4 of network devices, which is for the
//! legacy interface only, and ADMIN_VQ, which is for the modern interface only.

use core::fmt::Debug;

use crate::requirement::{Absent, Requirement, RequirementKind};

/// The requirements for eight consecutive feature bits.
pub trait Row: Copy + Default + Debug + Send + Sync + 'static {
    type C0: Requirement;
    type C1: Requirement;
    type C2: Requirement;
    type C3: Requirement;
    type C4: Requirement;
    type C5: Requirement;
    type C6: Requirement;
    type C7: Requirement;
    const KINDS: [RequirementKind; 8];
}

impl<C0, C1, C2, C3, C4, C5, C6, C7> Row for (C0, C1, C2, C3, C4, C5, C6, C7)
where
    C0: Requirement,
    C1: Requirement,
    C2: Requirement,
    C3: Requirement,
    C4: Requirement,
    C5: Requirement,
    C6: Requirement,
    C7: Requirement,
{
    type C0 = C0;
    type C1 = C1;
    type C2 = C2;
    type C3 = C3;
    type C4 = C4;
    type C5 = C5;
    type C6 = C6;
    type C7 = C7;
    const KINDS: [RequirementKind; 8] =
        [C0::KIND, C1::KIND, C2::KIND, C3::KIND, C4::KIND, C5::KIND, C6::KIND, C7::KIND];
}

/// The requirements for all 64 feature bits.
pub trait Table: Copy + Default + Debug + Send + Sync + 'static {
    type C0: Row;
    type C1: Row;
    type C2: Row;
    type C3: Row;
    type C4: Row;
    type C5: Row;
    type C6: Row;
    type C7: Row;
    const KINDS: [[RequirementKind; 8]; 8];
}

impl<C0, C1, C2, C3, C4, C5, C6, C7> Table for (C0, C1, C2, C3, C4, C5, C6, C7)
where
    C0: Row,
    C1: Row,
    C2: Row,
    C3: Row,
    C4: Row,
    C5: Row,
    C6: Row,
    C7: Row,
{
    type C0 = C0;
    type C1 = C1;
    type C2 = C2;
    type C3 = C3;
    type C4 = C4;
    type C5 = C5;
    type C6 = C6;
    type C7 = C7;
    const KINDS: [[RequirementKind; 8]; 8] =
        [C0::KINDS, C1::KINDS, C2::KINDS, C3::KINDS, C4::KINDS, C5::KINDS, C6::KINDS, C7::KINDS];
}

/// An octal digit: the number of a row of a table, or of a column of a row.
pub trait Digit {
    /// The requirement in this column.
    type Get<R: Row>: Requirement;
    /// The row with another requirement in this column.
    type Set<R: Row, N: Requirement>: Row;
    /// The row of this number.
    type GetRow<T: Table>: Row;
    /// The table with another row of this number.
    type SetRow<T: Table, N: Row>: Table;
}

macro_rules! digit {
    ($digit:ident: [$($before:ident)*] $this:ident [$($after:ident)*]) => {
        /// An octal digit.
        #[derive(Debug)]
        pub enum $digit {}

        impl Digit for $digit {
            type Get<R: Row> = R::$this;
            type Set<R: Row, N: Requirement> = ($(R::$before,)* N, $(R::$after,)*);
            type GetRow<T: Table> = T::$this;
            type SetRow<T: Table, N: Row> = ($(T::$before,)* N, $(T::$after,)*);
        }
    };
}

digit!(Digit0: [] C0 [C1 C2 C3 C4 C5 C6 C7]);
digit!(Digit1: [C0] C1 [C2 C3 C4 C5 C6 C7]);
digit!(Digit2: [C0 C1] C2 [C3 C4 C5 C6 C7]);
digit!(Digit3: [C0 C1 C2] C3 [C4 C5 C6 C7]);
digit!(Digit4: [C0 C1 C2 C3] C4 [C5 C6 C7]);
digit!(Digit5: [C0 C1 C2 C3 C4] C5 [C6 C7]);
digit!(Digit6: [C0 C1 C2 C3 C4 C5] C6 [C7]);
digit!(Digit7: [C0 C1 C2 C3 C4 C5 C6] C7 []);

/// The requirements for all 128 feature bits.
pub trait Tables: Copy + Default + Debug + Send + Sync + 'static {
    /// Bits 0 to 63.
    type Low: Table;
    /// Bits 64 to 127.
    type High: Table;
}

impl<L: Table, H: Table> Tables for (L, H) {
    type Low = L;
    type High = H;
}

/// The number of a feature bit, as a type: `(row, column)`, or `(High, row, column)` for the bits above 63.
pub trait Index {
    /// The requirement at this index.
    type Get<T: Tables>: Requirement;
    /// The tables with another requirement at this index.
    type Set<T: Tables, N: Requirement>: Tables;
}

impl<H: Digit, L: Digit> Index for (H, L) {
    type Get<T: Tables> = L::Get<H::GetRow<T::Low>>;
    type Set<T: Tables, N: Requirement> = (H::SetRow<T::Low, L::Set<H::GetRow<T::Low>, N>>, T::High);
}

/// The first part of the index of a feature with a bit above 63.
#[derive(Debug)]
pub enum High {}

impl<H: Digit, L: Digit> Index for (High, H, L) {
    type Get<T: Tables> = L::Get<H::GetRow<T::High>>;
    type Set<T: Tables, N: Requirement> = (T::Low, H::SetRow<T::High, L::Set<H::GetRow<T::High>, N>>);
}

type AbsentRow = (Absent, Absent, Absent, Absent, Absent, Absent, Absent, Absent);

type AbsentTable = (AbsentRow, AbsentRow, AbsentRow, AbsentRow, AbsentRow, AbsentRow, AbsentRow, AbsentRow);

/// The tables of a feature set without features.
pub type AllAbsent = (AbsentTable, AbsentTable);

/// Mask of the required features.
pub(crate) const fn required<T: Table>() -> u64 {
    mask(T::KINDS.as_flattened(), false)
}

/// Mask of the features that are required or optional.
pub(crate) const fn declared<T: Table>() -> u64 {
    mask(T::KINDS.as_flattened(), true)
}

const fn mask(mut kinds: &[RequirementKind], with_optional: bool) -> u64 {
    let mut mask = 0;
    while let [rest @ .., highest] = kinds {
        let set = match highest {
            RequirementKind::Required => true,
            RequirementKind::Optional => with_optional,
            RequirementKind::Absent => false,
        };
        mask = mask << 1 | set as u64;
        kinds = rest;
    }
    mask
}
