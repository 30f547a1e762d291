//! The model: a checked description, with all numbers computed and all references resolved.

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

/// A device type.
#[derive(Clone, Debug)]
pub struct Device {
    /// The virtio device id.
    pub id: u32,
    /// The features, in the order of their bits.
    pub features: Vec<Feature>,
    /// The queues, in the order of their indexes.
    pub queues: Vec<Queue>,
    /// The configuration space.
    pub config: Block,
}

/// A feature.
#[derive(Clone, Debug)]
pub struct Feature {
    /// The documentation.
    pub docs: Docs,
    /// The name.
    pub name: Name,
    /// The number of its bit.
    pub bit: u32,
    /// Mask of the features that this one requires.
    pub requires: u64,
    /// Masks of features. This feature requires at least one feature of each mask.
    pub requires_any: Vec<u64>,
    /// The name in the specification.
    pub c_name: String,
    /// A second C name, if it has one.
    pub alias: Option<String>,
}

/// A queue.
#[derive(Clone, Debug)]
pub struct Queue {
    /// The documentation.
    pub docs: Docs,
    /// The name.
    pub name: Name,
    /// The index.
    pub index: u16,
    /// The feature that the queue depends on.
    pub condition: Option<Condition>,
    /// The C name, if it has one.
    pub alias: Option<String>,
}

/// A feature that an item depends on.
#[derive(Clone, Debug)]
pub struct Condition {
    /// The name.
    pub name: Name,
    /// The number of its bit.
    pub bit: u32,
}

/// A block of registers or a configuration space.
#[derive(Clone, Debug)]
pub struct Block {
    /// The documentation.
    pub docs: Docs,
    /// The name.
    pub name: Name,
    /// The C name, if it has one.
    pub alias: Option<String>,
    /// The fields, in the order of their offsets.
    pub fields: Vec<Field>,
    /// The size: the end of the last field, in bytes.
    pub len: u64,
}

/// A field of a block.
#[derive(Clone, Debug)]
pub struct Field {
    /// The documentation.
    pub docs: Docs,
    /// The name.
    pub name: Name,
    /// The type.
    pub ty: Type,
    /// The offset in the block, in bytes.
    pub offset: u64,
    /// The access of the driver.
    pub access: Access,
    /// The features that the field depends on. It exists with any of them. If the list is empty, it always exists.
    pub conditions: Vec<Condition>,
    /// The C name, if it has one.
    pub alias: Option<String>,
}

/// What the driver can do with a field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// Whether it can read the field.
    pub read: bool,
    /// When it can write the field.
    pub write: Option<When>,
}

/// When the driver can write a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// At any time.
    Always,
    /// Until DRIVER_OK is set.
    Setup,
}

/// The type of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Type {
    /// The type, or the element type of an array.
    pub scalar: Scalar,
    /// The length of an array.
    pub len: Option<u32>,
}

/// An integer with a byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scalar {
    /// The name in a description.
    pub name: &'static str,
    /// The width.
    pub int: Int,
    /// The byte order.
    pub order: Order,
}

/// A byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// None: a single byte.
    None,
    /// Little-endian on both interfaces.
    Little,
    /// Guest-endian on the legacy interface, little-endian on the modern one.
    Native,
}

/// An unsigned Rust integer type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Int {
    /// `u8`
    U8,
    /// `u16`
    U16,
    /// `u32`
    U32,
    /// `u64`
    U64,
    /// `usize`, which has at least 32 bits
    Usize,
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
}

/// A structure.
#[derive(Clone, Debug)]
pub struct Struct {
    /// The documentation.
    pub docs: Docs,
    /// The name.
    pub name: Name,
    /// The C name, if it has one.
    pub alias: Option<String>,
    /// The fields, in order.
    pub fields: Vec<StructField>,
    /// The size in bytes.
    pub size: u64,
    /// The alignment of the C structure in bytes: 1 if it is packed.
    pub align: u64,
}

/// A field of a structure.
#[derive(Clone, Debug)]
pub struct StructField {
    /// The documentation.
    pub docs: Docs,
    /// The name.
    pub name: Name,
    /// The C name, if it has one.
    pub alias: Option<String>,
    /// The type.
    pub ty: Type,
    /// The offset in the structure, in bytes.
    pub offset: u64,
}

/// An enum.
#[derive(Clone, Debug)]
pub struct Enum {
    /// The documentation.
    pub docs: Docs,
    /// The name.
    pub name: Name,
    /// The C name, if it has one.
    pub alias: Option<String>,
    /// The type of the values.
    pub repr: Int,
    /// The values, in order.
    pub variants: Vec<Variant>,
    /// The variant for all other values, if the description names it.
    pub other: Option<Other>,
}

/// The variant of an enum for all values that have no number in the description.
#[derive(Clone, Debug)]
pub struct Other {
    /// The documentation.
    pub docs: Docs,
    /// The name.
    pub name: Name,
    /// The C name, if it has one.
    pub alias: Option<String>,
}

/// A value of an enum.
#[derive(Clone, Debug)]
pub struct Variant {
    /// The documentation.
    pub docs: Docs,
    /// The name.
    pub name: Name,
    /// The C name, if it has one.
    pub alias: Option<String>,
    /// The number.
    pub value: u64,
}

/// A bit field.
#[derive(Clone, Debug)]
pub struct Bits {
    /// The documentation.
    pub docs: Docs,
    /// The name.
    pub name: Name,
    /// The C name, if it has one.
    pub alias: Option<String>,
    /// The type of the bit field.
    pub repr: Int,
    /// The parts, lowest bits first.
    pub fields: Vec<BitField>,
}

/// A part of a bit field.
#[derive(Clone, Debug)]
pub struct BitField {
    /// The documentation.
    pub docs: Docs,
    /// The name.
    pub name: Name,
    /// The C name, if it has one.
    pub alias: Option<String>,
    /// The lowest bit.
    pub low: u32,
    /// The width in bits, or `None` for a flag.
    pub width: Option<u32>,
}

/// A constant.
#[derive(Clone, Debug)]
pub struct Const {
    /// The documentation.
    pub docs: Docs,
    /// The name.
    pub name: Name,
    /// The C name, if it has one.
    pub alias: Option<String>,
    /// The type.
    pub ty: Int,
    /// The value.
    pub value: u64,
}

impl Scalar {
    /// All scalar types.
    pub const ALL: [Self; 7] = [
        Self { name: "u8", int: Int::U8, order: Order::None },
        Self { name: "le16", int: Int::U16, order: Order::Little },
        Self { name: "le32", int: Int::U32, order: Order::Little },
        Self { name: "le64", int: Int::U64, order: Order::Little },
        Self { name: "virtio16", int: Int::U16, order: Order::Native },
        Self { name: "virtio32", int: Int::U32, order: Order::Native },
        Self { name: "virtio64", int: Int::U64, order: Order::Native },
    ];
}

impl Int {
    /// The types of fixed width.
    pub const FIXED_WIDTH: [Self; 4] = [Self::U8, Self::U16, Self::U32, Self::U64];

    /// Returns the name in Rust.
    pub const fn name(self) -> &'static str {
        match self {
            Self::U8 => "u8",
            Self::U16 => "u16",
            Self::U32 => "u32",
            Self::U64 => "u64",
            Self::Usize => "usize",
        }
    }

    /// Returns the width in bits. For `usize` it is the guaranteed minimum.
    pub const fn bits(self) -> u32 {
        match self {
            Self::U8 => 8,
            Self::U16 => 16,
            Self::U32 | Self::Usize => 32,
            Self::U64 => 64,
        }
    }

    /// Returns the width in bytes.
    pub const fn bytes(self) -> u64 {
        self.bits() as u64 / 8
    }

    /// Returns the maximum value.
    pub const fn max(self) -> u64 {
        u64::MAX >> (64 - self.bits())
    }
}

impl Type {
    /// A single byte. It replaces an unknown type.
    pub(crate) const BYTE: Self = Self { scalar: Scalar::ALL[0], len: None };

    /// Returns the size in bytes.
    pub fn size(self) -> u64 {
        self.scalar.int.bytes() * self.len.map_or(1, u64::from)
    }

    /// Returns the alignment in C, in bytes.
    pub const fn align(self) -> u64 {
        self.scalar.int.bytes()
    }
}
