//! The model: a checked description, with all numbers computed and all references resolved.

mod block;
mod condition;
mod device;
mod numbers;
mod request;
mod structure;
mod types;
mod values;

pub use block::{Access, Block, Choice, ChoiceEntry, Field, Part, When};
pub use condition::{Condition, FIRST_HIGH_BIT};
pub use device::{ComputedIndex, Device, Feature, IndexVariable, Queue, SharedMemory};
pub use numbers::{Int, Order, Scalar};
pub use request::{Count, Request, RequestField};
pub use structure::{Struct, StructField};
pub use types::{Element, Selector, StructType, Type, UnionEntry, UnionType, ValueKind, ValueType};
pub use values::{BitField, Bits, Const, Enum, Other, Variant};

use crate::name::Name;
use crate::syntax::Docs;

/// A valid description.
#[derive(Clone, Debug, Default)]
pub struct Model {
    /// The modules, in order.
    pub modules: Vec<Module>,
}

/// A module of the generated code.
#[derive(Clone, Debug)]
pub struct Module {
    /// The documentation.
    pub docs: Docs,
    /// The name.
    pub name: Name,
    /// The kind of module.
    pub kind: Kind,
    /// The members, in order.
    pub members: Vec<Member>,
}

/// The kind of a module.
#[derive(Clone, Debug)]
pub enum Kind {
    /// A group of members.
    Plain,
    /// A device type.
    Device(Device),
    /// The features of all device types.
    Reserved(Vec<Feature>),
}

/// A member of a module.
#[derive(Clone, Debug)]
pub enum Member {
    /// A block of registers.
    Registers(Block),
    /// A structure.
    Struct(Struct),
    /// An enum.
    Enum(Enum),
    /// A bit field.
    Bits(Bits),
    /// A constant.
    Const(Const),
    /// A request.
    Request(Request),
}
