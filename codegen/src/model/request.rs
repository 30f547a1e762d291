//! Requests.

use super::condition::Condition;
use super::numbers::Int;
use super::types::Element;
use crate::name::{CNames, Name};
use crate::syntax::Docs;

/// A request: a part that the device reads, and a part that the device writes.
#[derive(Clone, Debug)]
pub struct Request {
    /// The documentation.
    pub docs: Docs,
    /// The name.
    pub name: Name,
    /// The names in C.
    pub alias: CNames,
    /// The queues that it goes into: those that the description names, or else those of the device whose buffers have its parts.
    pub queues: Vec<Name>,
    /// The names in C of the structure that is only the readable part.
    pub readable_alias: CNames,
    /// The names in C of the structure that is only the writable part.
    pub writable_alias: CNames,
    /// The fields that the device reads, in order.
    pub readable: Vec<RequestField>,
    /// The fields that the device writes, in order.
    pub writable: Vec<RequestField>,
}

/// A field of a request.
#[derive(Clone, Debug)]
pub struct RequestField {
    /// The documentation.
    pub docs: Docs,
    /// The name.
    pub name: Name,
    /// The names in C.
    pub alias: CNames,
    /// The type, or the element type of an array.
    pub element: Element,
    /// How many elements it has.
    pub count: Count,
    /// The features that the field depends on. It exists with any of them. If the list is empty, it always exists.
    pub conditions: Vec<Condition>,
    /// The value of a field that always has the same value. An array can only have the value 0, which all its elements have.
    pub value: Option<u64>,
}

/// How many elements a field of a request has.
#[derive(Clone, Debug)]
pub enum Count {
    /// It is not an array.
    One,
    /// A fixed number.
    Fixed(u32),
    /// The value of a field of the configuration space.
    Config {
        /// The name of the field.
        name: Name,
        /// Its integer type.
        int: Int,
    },
    /// The value of another field of the request.
    Field {
        /// The name of the field.
        name: Name,
        /// Its integer type.
        int: Int,
        /// Whether it is in the readable part.
        readable: bool,
    },
    /// The driver chooses it.
    Open,
}

impl RequestField {
    /// Returns the name of the request's value for the length of a writable array that the driver chooses.
    pub fn length_name(&self) -> Option<Name> {
        match self.count {
            Count::Open | Count::Field { readable: false, .. } => {
                Some(Name { text: format!("{}_len", self.name.text), span: self.name.span })
            }
            Count::One | Count::Fixed(_) | Count::Config { .. } | Count::Field { readable: true, .. } => None,
        }
    }
}
