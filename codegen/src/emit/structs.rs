//! Structures.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use crate::emit::docs::docs;
use crate::emit::target::{Target, int, number};
use crate::model::{Int, Order, Struct, StructField, Type};

impl Target {
    /// Emits a structure: the type, its constructor, and assertions for its layout.
    pub(super) fn structure(&self, structure: &Struct) -> TokenStream {
        let definition = self.struct_type(structure);
        let new = self.new_fn(structure);
        let checks = self.struct_checks(structure);
        let name = self.camel(&structure.name);
        let (parameter, argument) = match has_byte_order(structure) {
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
        let mut facts = vec![format!(
            "`{}`: {} bytes. The alignment in C is {}.",
            structure.name.text, structure.size, structure.align
        )];
        let mut parameter = None;
        if has_byte_order(structure) {
            facts.push("`O` is the byte order: little-endian, or guest-endian on the legacy interface.".to_owned());
            parameter = Some(quote!(<O: zerocopy::ByteOrder = zerocopy::LittleEndian>));
        }
        let docs = docs(&structure.docs, &facts, &[structure.alias.as_deref()]);
        let fields = structure.fields.iter().map(|field| {
            let (name, ty) = (self.ident(&field.name, &field.name.text), stored(field.ty));
            let docs = field_docs(field);
            quote!(#docs pub #name: #ty)
        });
        quote! {
            #docs
            #[derive(
                Clone, Copy, Debug, PartialEq, Eq,
                zerocopy::FromBytes, zerocopy::IntoBytes,
                zerocopy::KnownLayout, zerocopy::Immutable, zerocopy::Unaligned,
            )]
            #[zerocopy(crate = "zerocopy")]
            #[repr(C)]
            pub struct #name #parameter {
                #(#fields,)*
            }
        }
    }

    /// Emits assertions for the size of a structure and the offsets of its fields.
    fn struct_checks(&self, structure: &Struct) -> TokenStream {
        let krate = &self.krate;
        let (name, size) = (self.camel(&structure.name), number(structure.size));
        let assert = quote!(#krate::__private::static_assertions::const_assert_eq!);
        let offsets = structure.fields.iter().map(|field| {
            let (field_name, offset) = (self.ident(&field.name, &field.name.text), number(field.offset));
            quote!(#assert(#krate::__private::core::mem::offset_of!(#name, #field_name), #offset);)
        });
        quote! {
            #assert(#krate::__private::core::mem::size_of::<#name>(), #size);
            #(#offsets)*
        }
    }

    /// Emits the constructor. It takes integers, and arrays in the stored form.
    fn new_fn(&self, structure: &Struct) -> TokenStream {
        let fields: Vec<_> =
            structure.fields.iter().map(|field| (self.ident(&field.name, &field.name.text), field.ty)).collect();
        let parameters = fields.iter().map(|(name, ty)| {
            let ty = if ty.len.is_some() { stored(*ty) } else { int(ty.scalar.int) };
            quote!(#name: #ty)
        });
        let values = fields.iter().map(|(name, ty)| match (ty.len, ty.scalar.int) {
            (Some(_), _) | (None, Int::U8) => quote!(#name),
            (None, _) => {
                let wrapper = wrapper(*ty);
                quote!(#name: zerocopy::#wrapper::new(#name))
            }
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
}

/// Returns whether the byte order of a field depends on the interface.
fn has_byte_order(structure: &Struct) -> bool {
    structure.fields.iter().any(|field| field.ty.scalar.order == Order::Native)
}

/// The stored form of a type.
fn stored(ty: Type) -> TokenStream {
    let wrapper = wrapper(ty);
    let scalar = match ty.scalar.order {
        Order::None => int(ty.scalar.int),
        Order::Little => quote!(zerocopy::#wrapper<zerocopy::LittleEndian>),
        Order::Native => quote!(zerocopy::#wrapper<O>),
    };
    match ty.len {
        Some(len) => {
            let len = number(len.into());
            quote!([#scalar; #len])
        }
        None => scalar,
    }
}

/// The integer type of zerocopy, for instance `U32`.
fn wrapper(ty: Type) -> proc_macro2::Ident {
    format_ident!("{}", ty.scalar.int.name().to_uppercase())
}

fn field_docs(field: &StructField) -> TokenStream {
    let ty = match field.ty.len {
        Some(len) => format!("[{}; {len}]", field.ty.scalar.name),
        None => field.ty.scalar.name.to_owned(),
    };
    let fact = format!("`{}`: `{ty}` at offset {:#04x}.", field.name.text, field.offset);
    docs(&field.docs, &[fact], &[field.alias.as_deref()])
}
