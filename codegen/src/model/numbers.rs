//! Integers.

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
    /// Big-endian on both interfaces.
    Big,
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

impl Scalar {
    /// All scalar types.
    pub const ALL: [Self; 14] = [
        Self { name: "u8", int: Int::U8, order: Order::None },
        Self { name: "le16", int: Int::U16, order: Order::Little },
        Self { name: "le32", int: Int::U32, order: Order::Little },
        Self { name: "le64", int: Int::U64, order: Order::Little },
        Self { name: "virtio16", int: Int::U16, order: Order::Native },
        Self { name: "virtio32", int: Int::U32, order: Order::Native },
        Self { name: "virtio64", int: Int::U64, order: Order::Native },
        Self { name: "be16", int: Int::U16, order: Order::Big },
        Self { name: "be32", int: Int::U32, order: Order::Big },
        Self { name: "be64", int: Int::U64, order: Order::Big },
        // Other spellings. All numbers of the specification are little-endian unless it says otherwise.
        Self { name: "le8", int: Int::U8, order: Order::None },
        Self { name: "u16", int: Int::U16, order: Order::Little },
        Self { name: "u32", int: Int::U32, order: Order::Little },
        Self { name: "u64", int: Int::U64, order: Order::Little },
    ];
}

impl Scalar {
    /// Returns the type of this name.
    pub fn named(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scalar| scalar.name == text)
    }
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
