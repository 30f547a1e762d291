//! The checked model: a description in which every number is known and every reference leads somewhere.

use crate::name::Name;
use crate::syntax::Docs;

/// A description that has no mistakes.
#[derive(Clone, Debug, Default)]
pub struct Model {
    /// Its modules in order.
    pub modules: Vec<Module>,
}

/// A module of the generated code.
#[derive(Clone, Debug)]
pub struct Module {
    /// Its documentation.
    pub docs: Docs,
    /// Its name.
    pub name: Name,
    /// What it is besides a group of members.
    pub kind: Kind,
    /// Its members in order.
    pub members: Vec<Member>,
}

/// What a module is besides a group of members.
#[derive(Clone, Debug)]
pub enum Kind {
    /// Nothing else.
    Plain,
    /// A device type.
    Device(Device),
    /// The features that are independent of the device type.
    Reserved(Vec<Feature>),
}

/// The parts that only a device type has.
#[derive(Clone, Debug)]
pub struct Device {
    /// The virtio device id.
    pub id: u32,
    /// Its features in the order of their bits.
    pub features: Vec<Feature>,
    /// Its queues in the order of their numbers.
    pub queues: Vec<Queue>,
    /// Its configuration space.
    pub config: Block,
}

/// A feature.
#[derive(Clone, Debug)]
pub struct Feature {
    /// Its documentation.
    pub docs: Docs,
    /// Its name.
    pub name: Name,
    /// The number of its bit.
    pub bit: u32,
    /// Mask of the features that it needs.
    pub requires: u64,
    /// Masks of features of each of which it needs one.
    pub requires_any: Vec<u64>,
    /// The specification's name for it.
    pub c_name: String,
    /// A second C name.
    pub alias: Option<String>,
}

/// A queue.
#[derive(Clone, Debug)]
pub struct Queue {
    /// Its documentation.
    pub docs: Docs,
    /// Its name.
    pub name: Name,
    /// Its number.
    pub index: u16,
    /// The feature that it exists with.
    pub guard: Option<Guard>,
    /// A C name.
    pub alias: Option<String>,
}

/// The feature that something exists with.
#[derive(Clone, Debug)]
pub struct Guard {
    /// Its name.
    pub name: Name,
    /// The number of its bit.
    pub bit: u32,
}

/// A block of registers or a configuration space.
#[derive(Clone, Debug)]
pub struct Block {
    /// Its documentation.
    pub docs: Docs,
    /// Its name.
    pub name: Name,
    /// A C name.
    pub alias: Option<String>,
    /// Its fields in the order of their offsets.
    pub fields: Vec<Field>,
    /// Bytes from its start to the end of its last field.
    pub len: u64,
}

/// A field of a block.
#[derive(Clone, Debug)]
pub struct Field {
    /// Its documentation.
    pub docs: Docs,
    /// Its name.
    pub name: Name,
    /// Its type.
    pub ty: Type,
    /// Bytes from the start of the block.
    pub offset: u64,
    /// The driver may read it.
    pub access: Access,
    /// The features with each of which it exists; always, where there is none.
    pub guards: Vec<Guard>,
    /// A C name.
    pub alias: Option<String>,
}

/// What the driver may do to a field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// Read it.
    pub read: bool,
    /// Write it, and when.
    pub write: Option<When>,
}

/// When the driver may write a field.
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
    /// The type, or the type of the elements.
    pub scalar: Scalar,
    /// How many elements an array has.
    pub len: Option<u32>,
}

/// An integer with a byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scalar {
    /// Its name in the language.
    pub name: &'static str,
    /// Its width.
    pub int: Int,
    /// Its byte order.
    pub order: Order,
}

/// A byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// A single byte has none.
    None,
    /// Always little-endian.
    Little,
    /// That of the guest on the legacy interface, else little-endian.
    Native,
}

/// An unsigned integer of Rust.
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
    /// `usize`, of at least 32 bits
    Usize,
}

/// What stands in a module.
#[derive(Clone, Debug)]
pub enum Member {
    /// A block of registers.
    Registers(Block),
    /// A structure in memory.
    Struct(Struct),
    /// A set of values.
    Enum(Enum),
    /// An integer made of bits with names.
    Bits(Bits),
    /// A constant.
    Const(Const),
}

/// A structure in memory.
#[derive(Clone, Debug)]
pub struct Struct {
    /// Its documentation.
    pub docs: Docs,
    /// Its name.
    pub name: Name,
    /// A C name.
    pub alias: Option<String>,
    /// Its fields in order.
    pub fields: Vec<StructField>,
    /// Its size in bytes.
    pub size: u64,
    /// The alignment that the C structure has: 1 where it is packed.
    pub align: u64,
}

/// A field of a structure in memory.
#[derive(Clone, Debug)]
pub struct StructField {
    /// Its documentation.
    pub docs: Docs,
    /// Its name.
    pub name: Name,
    /// A C name.
    pub alias: Option<String>,
    /// Its type.
    pub ty: Type,
    /// Bytes from the start of the structure.
    pub offset: u64,
}

/// A set of values.
#[derive(Clone, Debug)]
pub struct Enum {
    /// Its documentation.
    pub docs: Docs,
    /// Its name.
    pub name: Name,
    /// A C name.
    pub alias: Option<String>,
    /// The integer that it is stored as.
    pub repr: Int,
    /// Its values in order.
    pub variants: Vec<Variant>,
}

/// A value of a set.
#[derive(Clone, Debug)]
pub struct Variant {
    /// Its documentation.
    pub docs: Docs,
    /// Its name.
    pub name: Name,
    /// A C name.
    pub alias: Option<String>,
    /// Its number.
    pub value: u64,
}

/// An integer made of bits with names.
#[derive(Clone, Debug)]
pub struct Bits {
    /// Its documentation.
    pub docs: Docs,
    /// Its name.
    pub name: Name,
    /// A C name.
    pub alias: Option<String>,
    /// The integer that it is.
    pub repr: Int,
    /// Its parts, lowest first.
    pub fields: Vec<BitField>,
}

/// A part of an integer.
#[derive(Clone, Debug)]
pub struct BitField {
    /// Its documentation.
    pub docs: Docs,
    /// Its name.
    pub name: Name,
    /// A C name.
    pub alias: Option<String>,
    /// Its lowest bit.
    pub low: u32,
    /// How many bits it has, where it is a number and not a flag.
    pub width: Option<u32>,
}

/// A constant.
#[derive(Clone, Debug)]
pub struct Const {
    /// Its documentation.
    pub docs: Docs,
    /// Its name.
    pub name: Name,
    /// A C name.
    pub alias: Option<String>,
    /// Its type.
    pub ty: Int,
    /// Its value.
    pub value: u64,
}

impl Scalar {
    /// All of them, by name.
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
    /// Those that a value can be stored as.
    pub const STORED: [Self; 4] = [Self::U8, Self::U16, Self::U32, Self::U64];

    /// The name in Rust.
    pub const fn name(self) -> &'static str {
        match self {
            Self::U8 => "u8",
            Self::U16 => "u16",
            Self::U32 => "u32",
            Self::U64 => "u64",
            Self::Usize => "usize",
        }
    }

    /// Width in bits; for `usize` what is certain.
    pub const fn bits(self) -> u32 {
        match self {
            Self::U8 => 8,
            Self::U16 => 16,
            Self::U32 | Self::Usize => 32,
            Self::U64 => 64,
        }
    }

    /// Width in bytes.
    pub const fn bytes(self) -> u64 {
        self.bits() as u64 / 8
    }

    /// The largest value.
    pub const fn max(self) -> u64 {
        u64::MAX >> (64 - self.bits())
    }
}

impl Type {
    /// A single byte: what a field of unknown type is taken for.
    pub(crate) const BYTE: Self = Self { scalar: Scalar::ALL[0], len: None };

    /// Size in bytes.
    pub fn size(self) -> u64 {
        self.scalar.int.bytes() * self.len.map_or(1, u64::from)
    }

    /// Alignment in C, in bytes.
    pub const fn align(self) -> u64 {
        self.scalar.int.bytes()
    }
}
