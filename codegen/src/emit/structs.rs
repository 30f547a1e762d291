//! Structures in memory.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use crate::emit::docs::docs;
use crate::emit::{Target, int, number};
use crate::model::{Int, Order, Struct, StructField, Type};

impl Target {
    /// The type of a structure, and the assertions that it has the layout of C.
    pub(super) fn structure(&self, structure: &Struct) -> TokenStream {
        let krate = &self.krate;
        let name = self.camel(&structure.name);
        let mut facts = vec![format!(
            "`{}`: {} bytes, which C aligns to {}.",
            structure.name.text, structure.size, structure.align
        )];
        let generic = structure.fields.iter().any(|field| field.ty.scalar.order == Order::Native);
        if generic {
            facts.push(
                "The parameter is the byte order: little-endian, or on the legacy interface that of the guest."
                    .to_owned(),
            );
        }
        let docs = docs(&structure.docs, &facts, &[structure.alias.as_deref()]);
        let (declared, bound, used) = match generic {
            true => (
                quote!(<O: zerocopy::ByteOrder = zerocopy::LittleEndian>),
                quote!(<O: zerocopy::ByteOrder>),
                quote!(<O>),
            ),
            false => Default::default(),
        };
        let fields = structure.fields.iter().map(|field| {
            let (name, ty) = (self.ident(&field.name, &field.name.text), stored(field.ty));
            let docs = field_docs(field);
            quote!(#docs pub #name: #ty)
        });
        let new = self.new_fn(structure);
        let size = number(structure.size);
        let assert = quote!(#krate::__private::static_assertions::const_assert_eq!);
        let checks = structure.fields.iter().map(|field| {
            let (field_name, offset) = (self.ident(&field.name, &field.name.text), number(field.offset));
            quote!(#assert(#krate::__private::core::mem::offset_of!(#name, #field_name), #offset);)
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
            pub struct #name #declared {
                #(#fields,)*
            }

            impl #bound #name #used {
                #new
            }

            #assert(#krate::__private::core::mem::size_of::<#name>(), #size);
            #(#checks)*
        }
    }

    /// The constructor: numbers as numbers, arrays of bytes as such, other arrays as they are stored.
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
            /// The structure with these values.
            #allow
            pub const fn new(#(#parameters),*) -> Self {
                Self { #(#values),* }
            }
        }
    }
}

/// The type of a field as it is stored.
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

/// The type of zerocopy that holds such a number: `U32`.
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
