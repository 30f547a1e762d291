//! Logs of what a driver and a device exchange through queues.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use super::decoded::Decoded;
use super::reader::Reader;
use super::{DecodeError, Decoder, RequestPart};
use crate::model::{Count, Device, Element, Kind, Member, Module, Request, RequestField, Scalar, Struct, Type};

/// A buffer that the device has completed: what it read, and what it wrote.
///
/// As a line of a log it is `virtio 16 queue 0: 00010000 -> 0011`: the device id, the index of the queue, and the bytes of both parts in
/// hexadecimal, with or without spaces. Text before `virtio` is ignored, for instance a time.
///
/// ```
/// use aerostat_codegen::Exchange;
///
/// let exchange: Exchange = "[12.3] virtio 16 queue 0: 00010000 -> 0011".parse().unwrap();
/// assert_eq!((exchange.device, exchange.queue), (16, 0));
/// assert_eq!((&exchange.readable[..], &exchange.written[..]), (&[0, 1, 0, 0][..], &[0, 0x11][..]));
/// assert_eq!(exchange.to_string(), "virtio 16 queue 0: 00010000 -> 0011");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// The virtio device id.
    pub device: u32,
    /// The index of the queue.
    pub queue: u16,
    /// What the device read.
    pub readable: Vec<u8>,
    /// What the device wrote.
    pub written: Vec<u8>,
}

/// The text is not an [`Exchange`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAnExchange;

impl Display for NotAnExchange {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("expected `virtio <device id> queue <index>: <readable bytes> -> <written bytes>`")
    }
}

impl std::error::Error for NotAnExchange {}

impl FromStr for Exchange {
    type Err = NotAnExchange;

    fn from_str(text: &str) -> Result<Self, NotAnExchange> {
        // The text before the exchange can contain the word too.
        let exchange = |(start, word): (usize, &str)| {
            let rest = text.get(start..)?.strip_prefix(word)?;
            let (device, rest) = rest.split_once(" queue ")?;
            let (queue, rest) = rest.split_once(':')?;
            let (readable, written) = rest.split_once("->")?;
            let (device, queue) = (device.parse().ok()?, queue.parse().ok()?);
            Some(Self { device, queue, readable: bytes(readable)?, written: bytes(written)? })
        };
        text.match_indices("virtio ").find_map(exchange).ok_or(NotAnExchange)
    }
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    let digits = text.chars().filter(|char| !char.is_whitespace()).map(|digit| digit.to_digit(16));
    let digits: Vec<u32> = digits.collect::<Option<_>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().filter_map(|[high, low]| u8::try_from(high << 4 | low).ok()).collect())
}

impl Display for Exchange {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { device, queue, readable, written } = self;
        write!(f, "virtio {device} queue {queue}: ")?;
        readable.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(" -> ")?;
        written.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A decoded [`Exchange`]. `Display` writes the queue, the name of the request, and a line for each field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodedExchange {
    /// The name of the queue, or its index if the description does not have it.
    pub queue: String,
    /// The requests or structures that fit, the best one first.
    pub names: Vec<String>,
    /// What the device read.
    pub readable: Decoded,
    /// What the device wrote.
    pub written: Decoded,
}

impl Display for DecodedExchange {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.queue)?;
        match &self.names[..] {
            [] => writeln!(f)?,
            [name] => writeln!(f, ": {name}")?,
            [name, others @ ..] => writeln!(f, ": {name} (or {})", others.join(", "))?,
        }
        for (sign, part) in [('>', &self.readable), ('<', &self.written)] {
            for line in part.to_string().lines() {
                writeln!(f, "  {sign} {line}")?;
            }
        }
        Ok(())
    }
}

/// A form that an exchange may have, and how well it fits.
struct Candidate {
    score: i64,
    name: String,
    readable: Decoded,
    written: Decoded,
}

impl<'a> Decoder<'a> {
    /// Sets the element type of a queue without requests: an integer type such as `le32`, or a structure. Its buffers are decoded as
    /// arrays.
    #[must_use]
    pub fn elements(mut self, queue: &str, ty: &str) -> Self {
        self.elements.insert(queue.to_owned(), ty.to_owned());
        self
    }

    /// Returns whether the description has the device.
    pub fn has_device(&self, id: u32) -> bool {
        self.device(id).is_some()
    }

    /// Decodes an exchange: by the type of [`Decoder::elements`], by the request of the queue whose fixed values and lengths fit best, or by
    /// the structure that an enum in it names. What does not fit is shown as bytes.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Unknown`] for the type of the elements, [`DecodeError::MissingConfig`].
    pub fn exchange(&self, exchange: &Exchange) -> Result<DecodedExchange, DecodeError> {
        let Exchange { readable, written, .. } = exchange;
        let Some((module, device)) = self.device(exchange.device) else {
            return Ok(unknown(format!("device {} queue {}", exchange.device, exchange.queue), exchange));
        };
        let Some(queue) = self.queue(device, exchange) else {
            return Ok(unknown(format!("queue {}", exchange.queue), exchange));
        };
        let queue = &queue.name.text;
        if let Some(ty) = self.elements.get(queue) {
            let [readable, written] = [readable, written].map(|bytes| self.array(module, ty, bytes));
            return Ok(DecodedExchange {
                queue: queue.clone(),
                names: vec![format!("[{ty}]")],
                readable: readable?,
                written: written?,
            });
        }
        let mut candidates = Vec::new();
        for member in &module.members {
            candidates.extend(match member {
                Member::Request(request) if request.queues.iter().any(|name| name.text == *queue) => {
                    self.as_request(module, request, exchange)?
                }
                Member::Struct(structure) => self.as_structure(module, structure, exchange),
                _ => None,
            });
        }
        let best = candidates.iter().map(|candidate| candidate.score).max();
        let mut best = candidates.into_iter().filter(|candidate| Some(candidate.score) == best);
        let Some(first) = best.next() else { return Ok(unknown(queue.clone(), exchange)) };
        let names = [first.name].into_iter().chain(best.map(|other| other.name)).collect();
        Ok(DecodedExchange { queue: queue.clone(), names, readable: first.readable, written: first.written })
    }

    fn device(&self, id: u32) -> Option<(&'a Module, &'a Device)> {
        self.model.modules.iter().find_map(|module| match &module.kind {
            Kind::Device(device) if device.id == id => Some((module, device)),
            _ => None,
        })
    }

    fn array(&self, module: &Module, ty: &str, bytes: &[u8]) -> Result<Decoded, DecodeError> {
        if let Some(scalar) = Scalar::ALL.into_iter().find(|scalar| scalar.name == ty) {
            let count = bytes.len().div_ceil(usize::try_from(scalar.int.bytes()).unwrap_or(1));
            let mut reader = Reader::new(module, bytes);
            if count > 0 {
                reader.value(&Type { element: Element::Scalar(scalar), len: u32::try_from(count).ok() }, "");
            }
            return Ok(reader.decoded);
        }
        let (_, structure) = self.find(ty, |member| match member {
            Member::Struct(structure) if structure.name.text == ty => Some(structure),
            _ => None,
        })?;
        let mut reader = Reader::new(module, bytes);
        let mut index = 0_usize;
        while reader.at < bytes.len() {
            let before = reader.at;
            reader.structure(structure, &format!("[{index}]"));
            if reader.at == before {
                break;
            }
            index += 1;
        }
        Ok(reader.decoded)
    }

    /// Decodes an exchange as a request, unless a fixed value is another one or the device read less.
    fn as_request(
        &self,
        module: &'a Module,
        request: &Request,
        exchange: &Exchange,
    ) -> Result<Option<Candidate>, DecodeError> {
        let name = &request.name.text;
        let readable = self.request(name, RequestPart::Readable, &exchange.readable)?;
        let fixed = request.readable.iter().filter(|field| self.exists(field));
        let fixed: Vec<(&RequestField, u64)> = fixed.filter_map(|field| Some((field, field.value?))).collect();
        let agrees = fixed.iter().all(|(field, value)| match field.count {
            Count::One => readable.number(&field.name.text) == Some(*value),
            _ => readable.is_zero(&field.name.text),
        });
        if !agrees || readable.is_short() {
            return Ok(None);
        }
        // Other requests do not need the fields of the configuration space that this part needs.
        let written = self.request(name, RequestPart::Writable, &exchange.written)?;
        if let Some((name, written)) = self.as_event(module, request, &exchange.written) {
            return Ok(Some(Candidate { score: 0, name, readable, written }));
        }
        let mut score = 10 * fixed.len() as i64;
        score += if names(&readable, name) { 20 } else { 0 };
        score -= if self.starts_with_unknown(request, &readable) { 30 } else { 0 };
        // A request that takes all bytes is better, also if fewer values of it are fixed.
        score -= if readable.has_rest() { 100 } else { 0 };
        score -= if written.is_short() || written.has_rest() { 5 } else { 0 };
        Ok(Some(Candidate { score, name: name.clone(), readable, written }))
    }

    /// Decodes what the device wrote as the structure that an enum in it names, if the request stands for events of several kinds: it has
    /// only a writable part, which ends with bytes.
    fn as_event(&self, module: &'a Module, request: &Request, bytes: &[u8]) -> Option<(String, Decoded)> {
        let last = request.writable.last().filter(|_| request.readable.is_empty())?;
        let is_any = matches!(last.count, Count::Open) && last.element.size() == 1;
        let structures = is_any.then(|| self.structures(module, bytes))?;
        let named = structures.filter(|found| found.is_named).max_by_key(|found| found.fits);
        named.map(|found| (found.name.to_owned(), found.decoded))
    }

    /// Returns whether the first field is an enum without this value.
    fn starts_with_unknown(&self, request: &Request, readable: &Decoded) -> bool {
        let first = request.readable.first().zip(readable.fields().first());
        let Some((Element::Value(ty), number)) = first.map(|(field, line)| (&field.element, line.number)) else {
            return false;
        };
        let mut members = self.model.modules.iter().flat_map(|module| &module.members);
        members.any(|member| match member {
            Member::Enum(values) if values.name.text == ty.name.text => {
                values.variants.iter().all(|variant| Some(variant.value) != number)
            }
            _ => false,
        })
    }

    /// Decodes an exchange as a structure, if an enum in it has a value with the name of the structure.
    fn as_structure(&self, module: &'a Module, structure: &'a Struct, exchange: &Exchange) -> Option<Candidate> {
        let name = &structure.name.text;
        let mut reader = Reader::new(module, &exchange.readable);
        reader.structure(structure, "");
        reader.rest();
        let readable = reader.decoded;
        (names(&readable, name) && !readable.is_short()).then(|| {
            let written = self.named_structure(module, &exchange.written);
            let score = if readable.has_rest() { 5 } else { 15 };
            Candidate { score, name: name.clone(), readable, written }
        })
    }

    /// Decodes bytes as the structure that an enum in them names, or as the longest structure that ends where they do.
    fn named_structure(&self, module: &'a Module, bytes: &[u8]) -> Decoded {
        let best = self.structures(module, bytes).max_by_key(|found| (found.is_named, found.fits));
        best.map_or_else(|| Decoded::of_bytes(bytes), |found| found.decoded)
    }

    /// Decodes bytes as each structure that an enum in them names or that ends where they do.
    fn structures<'s>(&'s self, module: &'a Module, bytes: &'s [u8]) -> impl Iterator<Item = Found<'a>> + use<'a, 's> {
        let structures = module.members.iter().filter_map(|member| match member {
            Member::Struct(structure) if structure.size <= bytes.len() as u64 => Some(structure),
            _ => None,
        });
        structures.filter_map(|structure| {
            let mut reader = Reader::new(module, bytes);
            reader.structure(structure, "");
            reader.rest();
            let (name, decoded) = (structure.name.text.as_str(), reader.decoded);
            let is_named = names(&decoded, name) || names(&decoded, strip(name));
            let fits = !decoded.has_rest() && structure.size > 0;
            // Only a structure that starts with an enum says what it is.
            let starts = decoded.fields().first().is_some_and(|field| field.value.contains(" (0x"));
            (starts && (is_named || fits)).then_some(Found { name, is_named, fits, decoded })
        })
    }
}

/// Bytes as a structure.
struct Found<'a> {
    name: &'a str,
    /// Whether an enum in it names the structure.
    is_named: bool,
    /// Whether the structure ends where the bytes do.
    fits: bool,
    decoded: Decoded,
}

/// The name of a structure without the word that says whether it is a request, an answer or an event.
fn strip(name: &str) -> &str {
    ["resp_", "req_", "event_"].into_iter().find_map(|prefix| name.strip_prefix(prefix)).unwrap_or(name)
}

/// Returns whether the first value of an enum is `name`, or ends with `_name`.
fn names(decoded: &Decoded, name: &str) -> bool {
    let values = decoded.fields().iter().filter_map(|field| Some(field.value.split_once(" (0x")?.0));
    let first = values.take(1).next();
    first.is_some_and(|value| value.strip_suffix(name).is_some_and(|prefix| prefix.is_empty() || prefix.ends_with('_')))
}

fn unknown(queue: String, exchange: &Exchange) -> DecodedExchange {
    let [readable, written] = [&exchange.readable, &exchange.written].map(|bytes| Decoded::of_bytes(bytes));
    DecodedExchange { queue, names: Vec::new(), readable, written }
}
