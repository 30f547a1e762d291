//! Bytes as readable fields, from a description.
//!
//! ```
//! use aerostat_codegen::{Decoder, Source, parse_text};
//!
//! let text = "module lamp { enum mode: le16 { off, on } struct step { mode: mode, time: le32, pad: le16 } }";
//! # let text = text.replace("struct", "packed struct");
//! # let text = text.as_str();
//! let model = parse_text(&Source { path: "lamp.vspec", text }).unwrap();
//! let lines = Decoder::new(&model).structure("step", &[1, 0, 7, 0, 0, 0, 0, 0]).unwrap();
//! assert_eq!(lines.to_string(), "\
//! 0x0000 mode: on (0x1)
//! 0x0002 time: 0x7
//! 0x0006 pad: 0x0
//! ");
//! ```

mod decoded;
pub(crate) mod exchange;
mod queues;
mod reader;

use std::collections::HashMap;
use std::fmt::{self, Display, Formatter};

pub use decoded::{Decoded, DecodedField};

use crate::decode::reader::Reader;
use crate::model::{Count, Kind, Member, Model, Module, Request, RequestField};
use crate::name::Name;

/// A part of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestPart {
    /// What the device reads.
    Readable,
    /// What the device writes.
    Writable,
}

/// Decodes bytes with the structures and requests of a description. Numbers have the byte order of the modern interface.
#[derive(Clone, Debug)]
pub struct Decoder<'a> {
    model: &'a Model,
    features: Vec<String>,
    config: HashMap<String, u64>,
    /// The element types of queues without requests.
    elements: HashMap<String, String>,
}

/// Why bytes cannot be decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// The description has no structure, request, feature, configuration field or queue of this name.
    Unknown {
        /// The name.
        name: String,
        /// A similar name.
        suggestion: Option<String>,
    },
    /// The name is that of a request where a structure is expected, or of a structure where a request is expected.
    OtherKind {
        /// The name.
        name: String,
        /// Whether it is a request.
        is_request: bool,
    },
    /// A length is the value of a field of the configuration space that was not given.
    MissingConfig {
        /// The name of the field.
        name: String,
    },
}

impl Display for DecodeError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { name, suggestion } => {
                write!(f, "the description has no `{name}`")?;
                suggestion.as_ref().map_or(Ok(()), |near| write!(f, "; did you mean `{near}`?"))
            }
            Self::OtherKind { name, is_request: true } => write!(f, "`{name}` is a request, and not a structure"),
            Self::OtherKind { name, is_request: false } => write!(f, "`{name}` is a structure, and not a request"),
            Self::MissingConfig { name } => {
                write!(f, "the layout depends on the configuration field `{name}`: give its value")
            }
        }
    }
}

impl std::error::Error for DecodeError {}

impl<'a> Decoder<'a> {
    /// Creates a decoder for a description.
    pub fn new(model: &'a Model) -> Self {
        Self { model, features: Vec::new(), config: HashMap::new(), elements: HashMap::new() }
    }

    /// Adds a negotiated feature. Fields that exist only with other features are left out.
    #[must_use]
    pub fn feature(mut self, name: &str) -> Self {
        self.features.push(name.to_owned());
        self
    }

    /// Sets the value of a field of the configuration space, for lengths that depend on it.
    #[must_use]
    pub fn config(mut self, name: &str, value: u64) -> Self {
        self.config.insert(name.to_owned(), value);
        self
    }

    /// Checks that the description has the features, configuration fields and queues that were given.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Unknown`]
    pub fn check_names(&self) -> Result<(), DecodeError> {
        let devices = || {
            self.model.modules.iter().filter_map(|module| match &module.kind {
                Kind::Device(device) => Some(device),
                _ => None,
            })
        };
        let features = || devices().flat_map(|device| device.features.iter().map(|feature| &feature.name));
        let fields = || devices().flat_map(|device| device.config.fields.iter().map(|field| &field.name));
        let queues = || devices().flat_map(|device| device.queues.iter().map(|queue| &queue.name));
        self.features.iter().try_for_each(|name| known(name, features()))?;
        self.config.keys().try_for_each(|name| known(name, fields()))?;
        self.elements.keys().try_for_each(|name| known(name, queues()))
    }

    /// Returns the names of all structures and requests.
    pub fn names(&self) -> impl Iterator<Item = &'a str> {
        let members = self.model.modules.iter().flat_map(|module| &module.members);
        members.filter_map(|member| match member {
            Member::Struct(structure) => Some(structure.name.text.as_str()),
            Member::Request(request) => Some(request.name.text.as_str()),
            _ => None,
        })
    }

    /// Decodes a structure. Bytes behind it become a last line.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Unknown`], [`DecodeError::OtherKind`]
    pub fn structure(&self, name: &str, bytes: &[u8]) -> Result<Decoded, DecodeError> {
        let (module, structure) = self.find(name, |member| match member {
            Member::Struct(structure) if structure.name.text == name => Some(structure),
            _ => None,
        })?;
        let mut reader = Reader::new(module, bytes);
        reader.structure(structure, "");
        reader.rest();
        Ok(reader.decoded)
    }

    /// Decodes a part of a request.
    ///
    /// # Errors
    ///
    /// [`DecodeError`]
    pub fn request(&self, name: &str, part: RequestPart, bytes: &[u8]) -> Result<Decoded, DecodeError> {
        let (module, request) = self.find(name, |member| match member {
            Member::Request(request) if request.name.text == name => Some(request),
            _ => None,
        })?;
        let mut reader = Reader::new(module, bytes);
        let fields = fields(request, part);
        for (at, field) in fields.iter().enumerate() {
            if self.exists(field) {
                let behind = fields.get(at + 1..).unwrap_or_default();
                self.field(field, behind, &mut reader)?;
            }
        }
        reader.rest();
        Ok(reader.decoded)
    }

    /// Decodes a field of a request. A length that only the driver knows is what the fields behind it leave.
    fn field(&self, field: &RequestField, behind: &[RequestField], reader: &mut Reader<'_>) -> Result<(), DecodeError> {
        let name = &field.name.text;
        let count = match &field.count {
            Count::One => {
                reader.element(&field.element, name);
                return Ok(());
            }
            Count::Fixed(count) => Some(u64::from(*count)),
            Count::Config { name, .. } => Some(self.length(&name.text)?),
            Count::Field { name, .. } => reader.decoded.number(&name.text),
            Count::Open => None,
        };
        let count = match count {
            Some(count) => count,
            None => {
                let mut behind_size = 0_u64;
                for field in behind.iter().filter(|field| self.exists(field)) {
                    let count = match &field.count {
                        Count::One => 1,
                        Count::Fixed(count) => u64::from(*count),
                        Count::Config { name, .. } => self.length(&name.text)?,
                        Count::Field { .. } | Count::Open => 0,
                    };
                    behind_size = behind_size.saturating_add(field.element.size().saturating_mul(count));
                }
                let left = (reader.bytes.len() as u64).saturating_sub(reader.at as u64).saturating_sub(behind_size);
                left.checked_div(field.element.size()).unwrap_or(0)
            }
        };
        reader.array(&field.element, count, name);
        Ok(())
    }

    fn length(&self, name: &str) -> Result<u64, DecodeError> {
        self.config.get(name).copied().ok_or_else(|| DecodeError::MissingConfig { name: name.to_owned() })
    }

    fn exists(&self, field: &RequestField) -> bool {
        let conditions = &field.conditions;
        conditions.is_empty() || conditions.iter().any(|condition| self.features.contains(&condition.name.text))
    }

    fn find<T>(&self, name: &str, get: impl Fn(&'a Member) -> Option<T>) -> Result<(&'a Module, T), DecodeError> {
        let modules = self.model.modules.iter();
        let found = modules.flat_map(|module| module.members.iter().map(move |member| (module, member)));
        let mut found = found.filter_map(|(module, member)| Some((module, get(member)?)));
        found.next().ok_or_else(|| self.not_found(name))
    }

    /// The error for a name that a structure or a request does not have. Only the other of the two can have it.
    fn not_found(&self, name: &str) -> DecodeError {
        let name = name.to_owned();
        let members = || self.model.modules.iter().flat_map(|module| &module.members);
        let is = |member: &Member| match member {
            Member::Request(request) if request.name.text == name => Some(true),
            Member::Struct(structure) if structure.name.text == name => Some(false),
            _ => None,
        };
        if let Some(is_request) = members().find_map(is) {
            return DecodeError::OtherKind { name, is_request };
        }
        let suggestion = crate::suggest::nearest(&name, self.names()).map(str::to_owned);
        DecodeError::Unknown { name, suggestion }
    }
}

fn known<'n>(name: &str, names: impl Iterator<Item = &'n Name> + Clone) -> Result<(), DecodeError> {
    if names.clone().any(|known| known.text == name) {
        return Ok(());
    }
    let near = crate::suggest::nearest(name, names.map(|known| known.text.as_str()));
    Err(DecodeError::Unknown { name: name.to_owned(), suggestion: near.map(str::to_owned) })
}

fn fields(request: &Request, part: RequestPart) -> &[RequestField] {
    match part {
        RequestPart::Readable => &request.readable,
        RequestPart::Writable => &request.writable,
    }
}
