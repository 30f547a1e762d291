//! Fields: of a configuration space, of a register block, of a structure in memory.

use proc_macro2::Span;
use syn::parse::ParseStream;
use syn::{Token, bracketed};

use super::device::Spanned;
use super::lex::{self, Docs, Number};
use crate::mistake::Mistakes;
use crate::name::Name;

/// The fields of a block: `{ num_pages: le32 read, actual: le32 read write }`.
///
/// Fields follow one another as in C. `@ 0x60` places a field at that many bytes from the start of the block, and the
/// next one after it.
#[derive(Clone, Debug)]
pub struct Fields {
    /// Where the keyword is.
    pub span: Span,
    /// The fields in order.
    pub entries: Vec<Field>,
}

/// A field: `name: type`, and in a block what the driver may do to it.
///
/// After the type stand, in any order: the words `read`, `write`, `setup` ([`Access`]); `@ 0x60`, the offset;
/// `if feature` or `if feature or other`, for a field that exists only with a feature; `as "C_NAME"`.
#[derive(Clone, Debug)]
pub struct Field {
    /// Its documentation.
    pub docs: Docs,
    /// Its name.
    pub name: Name,
    /// Its type.
    pub ty: TypeName,
    /// What the driver may do to it.
    pub access: Vec<AccessWord>,
    /// Where it starts, where that is said.
    pub offset: Option<Offset>,
    /// The features with each of which it exists; always, where there is none.
    pub guards: Vec<Name>,
    /// A C name.
    pub alias: Option<String>,
}

/// The type of a field: `u8`; `le16`, `le32`, `le64` (little-endian on every interface); `virtio16`, `virtio32`,
/// `virtio64` (little-endian, but in the byte order of the guest on the legacy interface); or an array, `[u8; 6]`.
#[derive(Clone, Debug)]
pub struct TypeName {
    /// The type, or the type of the elements.
    pub element: Name,
    /// How many elements an array has.
    pub len: Option<Number>,
}

/// What the driver may do to a field of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// `read`: read it.
    Read,
    /// `write`: write it at any time.
    Write,
    /// `setup`: write it until DRIVER_OK is set.
    Setup,
}

/// One of the access words, as written.
#[derive(Clone, Copy, Debug)]
pub struct AccessWord {
    /// Which.
    pub access: Access,
    /// Where it is written.
    pub span: Span,
}

/// The offset of a field: `@ 0x60`, in bytes from the start of the block.
pub type Offset = Number;

/// A block of registers that belongs to no configuration space: `registers modern { magic_value: le32 read @ 0, … }`.
#[derive(Clone, Debug)]
pub struct Registers {
    /// Its documentation.
    pub docs: Docs,
    /// Its name.
    pub name: Name,
    /// A C name.
    pub alias: Option<String>,
    /// Its fields.
    pub fields: Fields,
}

/// A structure in memory: `struct desc { addr: virtio64, len: virtio32 }` with the layout of C, where every field has
/// to be aligned to its size, or `packed struct stat { tag: virtio16, val: virtio64 }` without that rule.
///
/// Padding is never implied: write it as a field. A structure with a `virtio` field is generic over the byte order.
#[derive(Clone, Debug)]
pub struct Struct {
    /// Its documentation.
    pub docs: Docs,
    /// The word `packed`, where it is there.
    pub packed: Option<Span>,
    /// Its name.
    pub name: Name,
    /// A C name.
    pub alias: Option<String>,
    /// Its fields.
    pub fields: Fields,
}

impl Access {
    pub(crate) const ALL: [(&str, Self); 3] = [("read", Self::Read), ("write", Self::Write), ("setup", Self::Setup)];
}

impl Fields {
    pub(crate) fn parse(span: Span, input: ParseStream<'_>, mistakes: &mut Mistakes) -> syn::Result<Self> {
        Ok(Self { span, entries: lex::entries(input, mistakes, Field::parse)? })
    }
}

impl Field {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let docs = Docs::parse(input)?;
        let name = Name::parse(input)?;
        input.parse::<Token![:]>()?;
        let ty = TypeName::parse(input)?;
        let mut field = Self { docs, name, ty, access: Vec::new(), offset: None, guards: Vec::new(), alias: None };
        let mut guard = None;
        // A name with a colon begins the next field, of which the comma before it is missing.
        while !input.is_empty() && !input.peek(Token![,]) && !input.peek2(Token![:]) {
            if input.peek(Token![@]) {
                let span = input.parse::<Token![@]>()?.span;
                lex::once(&mut field.offset, Number::parse(input)?, span, "@")?;
            } else if let Some(span) = lex::word(input, "if")? {
                let names = [vec![Name::parse(input)?], lex::alternatives(input)?].concat();
                lex::once(&mut guard, names, span, "if")?;
            } else if !lex::alias_once(input, &mut field.alias)? {
                field.access.push(AccessWord::parse(input)?);
            }
        }
        field.guards = guard.unwrap_or_default();
        Ok(field)
    }
}

impl AccessWord {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let expected = "expected `read`, `write`, `setup`, `@`, `if`, `as` or `,`";
        let word = Name::parse(input).map_err(|error| syn::Error::new(error.span(), expected))?;
        match Access::ALL.into_iter().find(|(text, _)| *text == word.text) {
            Some((_, access)) => Ok(Self { access, span: word.span }),
            None => {
                let near = crate::near::hint(&word.text, ["read", "write", "setup"]);
                Err(syn::Error::new(word.span, format!("unknown access word `{}`{near}", word.text)))
            }
        }
    }
}

impl TypeName {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        if input.peek(syn::token::Bracket) {
            let content;
            bracketed!(content in input);
            return lex::whole(&content, |content| {
                let element = Name::parse(content)?;
                content.parse::<Token![;]>()?;
                let len = Number::parse(content)?;
                if content.is_empty() {
                    Ok(Self { element, len: Some(len) })
                } else {
                    Err(content.error("expected `]`"))
                }
            });
        }
        let element = Name::parse(input).map_err(|error| syn::Error::new(error.span(), "expected a type"))?;
        Ok(Self { element, len: None })
    }
}

impl Registers {
    pub(crate) fn parse(docs: Docs, input: ParseStream<'_>, mistakes: &mut Mistakes) -> syn::Result<Self> {
        let name = Name::parse(input)?;
        let alias = lex::alias(input)?;
        let fields = Fields::parse(name.span, input, mistakes)?;
        Ok(Self { docs, name, alias, fields })
    }
}

impl Struct {
    pub(crate) fn parse(
        docs: Docs,
        packed: Option<Span>,
        input: ParseStream<'_>,
        mistakes: &mut Mistakes,
    ) -> syn::Result<Self> {
        let name = Name::parse(input)?;
        let alias = lex::alias(input)?;
        let fields = Fields::parse(name.span, input, mistakes)?;
        Ok(Self { docs, packed, name, alias, fields })
    }
}

impl Spanned for Fields {
    fn span(&self) -> Span {
        self.span
    }
}
