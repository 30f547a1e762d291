//! Structures.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens as _, format_ident, quote};

use crate::emit::docs::docs;
use crate::emit::target::{Target, int, number};
use crate::model::{Element, Int, Order, Scalar, Struct, StructField, Type, ValueKind};

impl Target {
    /// Emits a structure: the type, its constructor, and assertions for its layout.
    pub(super) fn structure(&self, structure: &Struct) -> TokenStream {
        let (definition, unions) = (self.struct_type(structure), self.unions(structure));
        let definition = quote!(#definition #unions);
        if structure.tail.is_some() {
            return definition;
        }
        let new = self.new_fn(structure);
        let checks = self.struct_checks(structure);
        let name = self.camel(&structure.name);
        let (parameter, argument) = match structure.has_byte_order {
            true => (Some(quote!(<O: zerocopy::ByteOrder>)), Some(quote!(<O>))),
            false => (None, None),
        };
        quote! {
            #definition

            impl #parameter #name #argument {
                #new
            }

            #checks
        }
    }

    /// Emits the type of a structure.
    fn struct_type(&self, structure: &Struct) -> TokenStream {
        let name = self.camel(&structure.name);
        let name_text = &structure.name.text;
        let mut facts = vec![match &structure.tail {
            None => format!("`{name_text}`: {} bytes. The alignment in C is {}.", structure.size, structure.align),
            Some(tail) => format!(
                "`{name_text}`: {} bytes and the array `{}`. `ref_from_bytes` of zerocopy makes a reference to it.",
                structure.size, tail.name.text
            ),
        }];
        let mut parameter = None;
        if structure.has_byte_order {
            facts.push("`O` is the byte order: little-endian, or guest-endian on the legacy interface.".to_owned());
            parameter = Some(quote!(<O: zerocopy::ByteOrder = zerocopy::LittleEndian>));
        }
        facts.extend(self.place(&structure.name));
        let docs = docs(&structure.docs, &facts, &structure.alias);
        let fields = structure.fields.iter().map(|field| {
            let (name, ty) = (self.ident(&field.name, &field.name.text), self.stored(&field.ty));
            let docs = field_docs(field);
            quote!(#docs pub #name: #ty)
        });
        let tail = structure.tail.iter().map(|field| {
            let (name, ty) = (self.ident(&field.name, &field.name.text), self.stored(&field.ty));
            let docs = field_docs(field);
            quote!(#docs pub #name: [#ty])
        });
        // A structure with an array of any length exists only behind a reference.
        let copy = structure.tail.is_none().then(|| quote!(Clone, Copy,));
        quote! {
            #docs
            #[derive(
                #copy Debug, PartialEq, Eq,
                zerocopy::FromBytes, zerocopy::IntoBytes,
                zerocopy::KnownLayout, zerocopy::Immutable, zerocopy::Unaligned,
            )]
            #[zerocopy(crate = "self::zerocopy")]
            #[repr(C)]
            pub struct #name #parameter {
                #(#fields,)*
                #(#tail,)*
            }
        }
    }

    /// Emits assertions for the size of a structure and the offsets of its fields.
    fn struct_checks(&self, structure: &Struct) -> Option<TokenStream> {
        let krate = &self.krate;
        let (name, size) = (self.camel(&structure.name), number(structure.size));
        let offsets = structure.fields.iter().map(|field| {
            let (field_name, offset) = (self.ident(&field.name, &field.name.text), number(field.offset));
            quote!(#krate::__private::core::mem::offset_of!(#name, #field_name) == #offset)
        });
        let size = quote!(#krate::__private::core::mem::size_of::<#name>() == #size);
        self.assertions([size].into_iter().chain(offsets))
    }

    /// Emits the constructor. It takes integers, enums, bit fields and structures, and arrays in the stored form.
    fn new_fn(&self, structure: &Struct) -> TokenStream {
        let fields: Vec<_> =
            structure.fields.iter().map(|field| (self.ident(&field.name, &field.name.text), &field.ty)).collect();
        let parameters = fields.iter().map(|(name, ty)| {
            let ty = self.parameter(ty);
            quote!(#name: #ty)
        });
        let values = fields.iter().map(|(name, ty)| match self.encoded(&name.to_token_stream(), ty) {
            Some(value) => quote!(#name: #value),
            None => quote!(#name),
        });
        let allow = (fields.len() > 7).then(|| quote!(#[allow(clippy::too_many_arguments)]));
        quote! {
            /// Creates the structure.
            #allow
            pub const fn new(#(#parameters),*) -> Self {
                Self { #(#values),* }
            }
        }
    }

    /// The type of a parameter for a field.
    pub(super) fn parameter(&self, ty: &Type) -> TokenStream {
        match (&ty.element, ty.len) {
            (Element::Scalar(scalar), None) => int(scalar.int),
            (Element::Value(value), None) => self.camel(&value.name).to_token_stream(),
            (Element::Struct(_) | Element::Union(_), _) | (_, Some(_)) => self.stored(ty),
        }
    }

    /// Converts a parameter to the stored form, or returns `None` if it has that form.
    pub(super) fn encoded(&self, name: &TokenStream, ty: &Type) -> Option<TokenStream> {
        let krate = &self.krate;
        let number = |scalar: &Scalar, value: TokenStream| match scalar.int {
            Int::U8 => value,
            int => {
                let wrapper = wrapper(int);
                quote!(zerocopy::#wrapper::new(#value))
            }
        };
        match (&ty.element, ty.len) {
            (Element::Scalar(Scalar { int: Int::U8, .. }) | Element::Struct(_) | Element::Union(_), _)
            | (_, Some(_)) => None,
            (Element::Scalar(scalar), None) => Some(number(scalar, quote!(#name))),
            (Element::Value(value), None) => {
                let raw = match value.kind {
                    ValueKind::Enum => quote!(#name.to_raw()),
                    ValueKind::Bits => quote!(#name.into_bits()),
                };
                let raw = number(&value.scalar, raw);
                Some(quote!(#krate::Stored::from_stored(#raw)))
            }
        }
    }

    /// The stored form of a type.
    pub(super) fn stored(&self, ty: &Type) -> TokenStream {
        let krate = &self.krate;
        let element = match &ty.element {
            Element::Scalar(scalar) => stored_number(*scalar),
            Element::Value(value) => {
                let (name, number) = (self.camel(&value.name), stored_number(value.scalar));
                quote!(#krate::Stored<#name, #number>)
            }
            Element::Union(union) => self.camel(&union.name).to_token_stream(),
            Element::Struct(structure) => {
                let (name, argument) = (self.camel(&structure.name), structure.has_byte_order.then(|| quote!(<O>)));
                quote!(#name #argument)
            }
        };
        match ty.len {
            Some(len) => {
                let len = number(len.into());
                quote!([#element; #len])
            }
            None => element,
        }
    }
}

/// The stored form of a number.
fn stored_number(scalar: Scalar) -> TokenStream {
    let wrapper = wrapper(scalar.int);
    match scalar.order {
        Order::None => int(scalar.int),
        Order::Little => quote!(zerocopy::#wrapper<zerocopy::LittleEndian>),
        Order::Big => quote!(zerocopy::#wrapper<zerocopy::BigEndian>),
        Order::Native => quote!(zerocopy::#wrapper<O>),
    }
}

/// The integer type of zerocopy, for instance `U32`.
pub(super) fn wrapper(int: Int) -> Ident {
    format_ident!("{}", int.name().to_uppercase())
}

fn field_docs(field: &StructField) -> TokenStream {
    let mut fact = format!("`{}`: `{}` at offset {:#04x}.", field.name.text, field.ty.text(), field.offset);
    if let Element::Value(value) = &field.ty.element {
        fact.push_str(&format!(" Stored as `{}`.", value.scalar.name));
    }
    docs(&field.docs, &[fact], &field.alias)
}
