//! Requests: a type for what the driver sends, and a type for the answer.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens as _, format_ident, quote};

use crate::emit::docs::docs;
use crate::emit::request_context::Context;
use crate::emit::target::{Target, number};
use crate::model::{Count, Element, Request, RequestField, Type};
use crate::name::{CNames, Name};
use crate::syntax::Docs;

impl Target {
    /// Emits a request.
    pub(super) fn request(&self, request: &Request) -> TokenStream {
        let context = Context::of(request);
        let parts = Parts::new(self, request, &context);
        let context_type = self.request_context(request, &context);
        let (definition, answer) = (parts.definition(), parts.answer());
        let (shape, lengths, implementation) = (parts.shape_type(), parts.fixed_lengths(), parts.implementation());
        quote! {
            #context_type
            #definition
            #shape
            #answer
            #lengths
            #implementation
        }
    }
}

/// A request, and what its generated items have in common.
pub(super) struct Parts<'a> {
    pub(super) target: &'a Target,
    pub(super) request: &'a Request,
    context: &'a Context<'a>,
    name: Ident,
    answer: Ident,
    shape: Ident,
    /// Whether the types have a byte order as parameter.
    has_byte_order: bool,
}

impl<'a> Parts<'a> {
    fn new(target: &'a Target, request: &'a Request, context: &'a Context<'a>) -> Self {
        let name = target.camel(&request.name);
        let (answer, shape) = (format_ident!("{name}Answer"), format_ident!("{name}Shape"));
        let fields = || request.readable.iter().chain(&request.writable);
        let has_byte_order = fields().any(|field| plain(&field.element).has_byte_order());
        Self { target, request, context, name, answer, shape, has_byte_order }
    }

    /// Emits the type of the request.
    fn definition(&self) -> TokenStream {
        let (target, name) = (self.target, &self.name);
        let core = self.core();
        let text = &self.request.name.text;
        let answer = match self.has_answer() {
            true => format!("The answer of the device is [`{0}`]({0}).", self.answer),
            false => "The device writes no answer.".to_owned(),
        };
        let mut facts = vec![format!("The request `{text}`. {answer}")];
        facts.extend(queues_fact(&self.request.queues));
        facts.extend(target.place(&self.request.name));
        let names = CNames(
            [&self.request.alias, &self.request.readable_alias].into_iter().flat_map(|names| names.0.clone()).collect(),
        );
        let docs = docs(&self.request.docs, &facts, &names);
        let context = self
            .context
            .type_name(target, self.request)
            .map(|context| quote!(#[doc = " What the request depends on."] pub context: #context,));
        let fields = self.sent().map(|field| {
            let (name, ty) = (self.ident(field), self.field_type(field, &lifetime("r")));
            let docs = self.field_docs(field);
            quote!(#docs pub #name: #ty,)
        });
        let lengths = self.request.writable.iter().filter_map(RequestField::length_name);
        let lengths = lengths.map(|length| {
            let doc = format!(" The maximum number of elements in the field `{}` of the answer.", {
                length.text.trim_end_matches("_len")
            });
            let name = target.ident(&length, &length.text);
            quote!(#[doc = #doc] pub #name: usize,)
        });
        let phantom = (self.has_byte_order && !self.sent().any(keeps_byte_order))
            .then(|| quote!(#[doc = " The byte order."] pub byte_order: #core::marker::PhantomData<O>,));
        let generics = self.generics(self.has_lifetime().then(|| lifetime("r")), self.has_byte_order, true);
        quote! {
            #docs
            #[derive(Clone, Copy, Debug)]
            pub struct #name #generics {
                #context
                #(#fields)*
                #(#lengths)*
                #phantom
            }
        }
    }

    /// Emits the type of the answer. If the device writes nothing, it is `()`.
    fn answer(&self) -> Option<TokenStream> {
        if !self.has_answer() {
            return None;
        }
        let answer = &self.answer;
        let docs =
            docs(&Docs::default(), &[format!("The answer to [`{0}`].", self.name)], &self.request.writable_alias);
        let fields = self.request.writable.iter().map(|field| {
            let (name, ty) = (self.ident(field), self.field_type(field, &lifetime("a")));
            let ty = match is_optional(field) {
                true => {
                    let core = self.core();
                    quote!(#core::option::Option<#ty>)
                }
                false => ty,
            };
            let docs = self.field_docs(field);
            quote!(#docs pub #name: #ty,)
        });
        let generics = self.answer_generics(lifetime("a"), true);
        Some(quote! {
            #docs
            #[derive(Clone, Copy, Debug, PartialEq, Eq)]
            pub struct #answer #generics {
                #(#fields)*
            }
        })
    }

    /// Emits the type of what the driver keeps to read the answer, if there is something.
    fn shape_type(&self) -> Option<TokenStream> {
        let shape = &self.shape;
        let doc = format!(" The layout of the answer to [`{0}`].", self.name);
        let context = self.shape_context().map(|context| quote!(context: #context,));
        let lengths: Vec<_> = self.lengths().map(|(name, _)| name).collect();
        (context.is_some() || !lengths.is_empty()).then(|| {
            quote! {
                #[doc = #doc]
                #[derive(Clone, Copy, Debug)]
                pub struct #shape {
                    #context
                    #(#lengths: usize,)*
                }
            }
        })
    }

    /// Emits the lengths of the parts, where they are always the same.
    fn fixed_lengths(&self) -> Option<TokenStream> {
        let constant = |name: &str, doc: &str, fields: &[RequestField]| {
            let len = fixed_length(fields).map(number)?;
            let name = Ident::new(name, Span::call_site());
            Some(quote!(#[doc = #doc] pub const #name: usize = #len;))
        };
        let request = constant("LEN", " The length of the request, in bytes.", &self.request.readable);
        let answer = constant("ANSWER_LEN", " The length of the answer, in bytes.", &self.request.writable);
        if request.is_none() && answer.is_none() {
            return None;
        }
        let name = &self.name;
        let lifetime = self.has_lifetime().then(|| lifetime("_"));
        let arguments = self.generics(lifetime, self.has_byte_order, false);
        let parameter = self.has_byte_order.then(|| quote!(<O: zerocopy::ByteOrder>));
        Some(quote! {
            impl #parameter #name #arguments {
                #request
                #answer
            }
        })
    }

    /// Emits the impl of `Request`.
    fn implementation(&self) -> TokenStream {
        let (krate, core, name) = (&self.target.krate, self.core(), &self.name);
        let lifetime_argument = self.has_lifetime().then(|| lifetime("_"));
        let arguments = self.generics(lifetime_argument, self.has_byte_order, false);
        // `'static`, because the answer can refer to values with this byte order for any lifetime.
        let parameter = self.has_byte_order.then(|| quote!(<O: zerocopy::ByteOrder + 'static>));
        let (shape, shape_value) = self.shape_value();
        let (checks, encode) = (self.checks(), self.encode());
        let (answer, reading) = match self.has_answer() {
            true => self.reading(&shape),
            false => (
                quote!(()),
                quote! {
                    fn answer_len(_: &#shape) -> usize {
                    0
                }

                fn decode<'a>(_: &#shape, _: &'a [u8]) -> #core::result::Result<(), #krate::AnswerError> {
                        #core::result::Result::Ok(())
                    }
                },
            ),
        };
        let queues = self.request.queues.iter().map(|queue| self.target.camel(queue));
        quote! {
            #(impl #parameter #krate::RequestOn<queue::#queues> for #name #arguments {})*

            #[allow(unused_variables, unused_mut, clippy::unused_unit)]
            impl #parameter #krate::Request for #name #arguments {
                type Shape = #shape;
                type Answer<'a> = #answer;

                fn shape(&self) -> #shape {
                    #shape_value
                }

                fn encode(&self, __put: &mut dyn #core::ops::FnMut(&[u8])) -> #core::result::Result<(), #krate::RequestError> {
                    #(#checks)*
                    #(#encode)*
                    #core::result::Result::Ok(())
                }

                #reading
            }
        }
    }

    /// The type of the answer, and the functions that read it.
    fn reading(&self, shape: &TokenStream) -> (TokenStream, TokenStream) {
        let (krate, core, answer) = (&self.target.krate, self.core(), &self.answer);
        let arguments = self.answer_generics(lifetime("a"), false);
        let (answer_len, decode) = (self.answer_len(), self.decode());
        let names = self.request.writable.iter().map(|field| self.ident(field));
        let functions = quote! {
            fn answer_len(__shape: &#shape) -> usize {
                let mut __len = 0_usize;
                #(#answer_len)*
                __len
            }

            fn decode<'a>(__shape: &#shape, __bytes: &'a [u8]) -> #core::result::Result<Self::Answer<'a>, #krate::AnswerError> {
                let mut __reader = #krate::__private::AnswerReader::new(__bytes);
                #(#decode)*
                #core::result::Result::Ok(#answer { #(#names),* })
            }
        };
        (quote!(#answer #arguments), functions)
    }

    /// Whether the device writes something.
    fn has_answer(&self) -> bool {
        !self.request.writable.is_empty()
    }

    /// The type and the value of the shape.
    fn shape_value(&self) -> (TokenStream, TokenStream) {
        if self.shape_type().is_none() {
            return (quote!(()), TokenStream::new());
        }
        let shape = &self.shape;
        let context = self.shape_context().map(|_| quote!(context: self.context,));
        let lengths = self.lengths().map(|(name, value)| quote!(#name: #value,));
        (quote!(#shape), quote!(#shape { #context #(#lengths)* }))
    }

    /// The type of the context, if the answer depends on it.
    fn shape_context(&self) -> Option<Ident> {
        let depends =
            |field: &RequestField| !field.conditions.is_empty() || matches!(field.count, Count::Config { .. });
        self.request.writable.iter().any(depends).then(|| self.context.type_name(self.target, self.request))?
    }

    /// The lengths that the request chooses for arrays in the answer: the name, and the value in terms of the request.
    fn lengths(&self) -> impl Iterator<Item = (Ident, TokenStream)> {
        self.request.writable.iter().filter_map(|field| {
            let name = format_ident!("{}_len", field.name.text);
            match &field.count {
                Count::Open | Count::Field { readable: false, .. } => Some((name.clone(), quote!(self.#name))),
                Count::Field { name: count, readable: true, .. } => {
                    let krate = &self.target.krate;
                    let value = match self.arrays_of(&count.text).next() {
                        Some(array) => {
                            let array = self.ident(array);
                            quote!(self.#array.len())
                        }
                        None => {
                            let count = self.target.ident(count, &count.text);
                            quote!(#krate::__private::to_usize(self.#count))
                        }
                    };
                    Some((name, value))
                }
                Count::One | Count::Fixed(_) | Count::Config { .. } => None,
            }
        })
    }

    /// The readable fields that the driver sets: those without a fixed value that are not the length of a readable array.
    fn sent(&self) -> impl Iterator<Item = &'a RequestField> {
        let request = self.request;
        request
            .readable
            .iter()
            .filter(move |field| field.value.is_none() && arrays_of(request, &field.name.text).next().is_none())
    }

    pub(super) fn arrays_of<'n>(&self, length: &'n str) -> impl Iterator<Item = &'a RequestField> + use<'a, 'n> {
        arrays_of(self.request, length)
    }

    fn has_lifetime(&self) -> bool {
        self.sent().any(|field| is_slice(&field.count))
    }

    /// The type of a field in the request or in the answer.
    fn field_type(&self, field: &RequestField, lifetime: &syn::Lifetime) -> TokenStream {
        let ty = plain(&field.element);
        let stored = self.target.stored(&ty);
        match field.count {
            Count::One => self.target.parameter(&ty),
            Count::Fixed(count) => {
                let count = number(count.into());
                quote!([#stored; #count])
            }
            Count::Config { .. } | Count::Field { .. } | Count::Open => quote!(&#lifetime [#stored]),
        }
    }

    fn field_docs(&self, field: &RequestField) -> TokenStream {
        let element = field.element.name();
        let text = match &field.count {
            Count::One => element.to_owned(),
            Count::Fixed(count) => format!("[{element}; {count}]"),
            Count::Config { name, .. } => format!("[{element}; config.{}]", name.text),
            Count::Field { name, .. } => format!("[{element}; {}]", name.text),
            Count::Open => format!("[{element}]"),
        };
        let mut facts = vec![format!("`{}`: `{text}`.", field.name.text)];
        if !field.conditions.is_empty() {
            let names: Vec<String> = field
                .conditions
                .iter()
                .map(|condition| condition.name.camel())
                .map(|name| format!("[`{name}`](feature::{name})"))
                .collect();
            facts.push(format!("Exists only with {}.", names.join(" or ")));
        }
        docs(&field.docs, &facts, &field.alias)
    }

    /// The parameters of the answer's type.
    fn answer_generics(&self, lifetime: syn::Lifetime, with_default: bool) -> Option<TokenStream> {
        let has_slice = self.request.writable.iter().any(|field| is_slice(&field.count));
        let has_order = self.request.writable.iter().any(keeps_byte_order);
        self.generics(has_slice.then_some(lifetime), has_order, with_default)
    }

    fn generics(&self, lifetime: Option<syn::Lifetime>, order: bool, definition: bool) -> Option<TokenStream> {
        let order = order.then(|| match definition {
            true => quote!(O: zerocopy::ByteOrder = zerocopy::LittleEndian),
            false => quote!(O),
        });
        let parameters: Vec<TokenStream> =
            lifetime.map(|lifetime| lifetime.to_token_stream()).into_iter().chain(order).collect();
        (!parameters.is_empty()).then(|| quote!(<#(#parameters),*>))
    }

    pub(super) fn ident(&self, field: &RequestField) -> Ident {
        self.target.ident(&field.name, &field.name.text)
    }

    pub(super) fn core(&self) -> TokenStream {
        let krate = &self.target.krate;
        quote!(#krate::__private::core)
    }
}

/// Returns the length of a part of a request, if it has fields, and it always has the same length.
fn fixed_length(fields: &[RequestField]) -> Option<u64> {
    let lengths = fields.iter().map(|field| match field.count {
        _ if !field.conditions.is_empty() => None,
        Count::One => Some(field.element.size()),
        Count::Fixed(count) => field.element.size().checked_mul(count.into()),
        Count::Config { .. } | Count::Field { .. } | Count::Open => None,
    });
    lengths.reduce(|sum, length| sum?.checked_add(length?))?
}

/// The documentation of the queues of a request.
fn queues_fact(queues: &[Name]) -> Option<String> {
    let links: Vec<String> = queues.iter().map(|queue| format!("[`{0}`](queue::{0})", queue.camel())).collect();
    match &links[..] {
        [] => None,
        [queue] => Some(format!("It goes into the queue {queue}.")),
        queues => Some(format!("It goes into one of the queues {}.", queues.join(", "))),
    }
}

/// The readable arrays whose length the field gives.
fn arrays_of<'a, 'n>(request: &'a Request, length: &'n str) -> impl Iterator<Item = &'a RequestField> + use<'a, 'n> {
    request
        .readable
        .iter()
        .filter(move |field| matches!(&field.count, Count::Field { name, readable: true, .. } if name.text == length))
}

/// Returns whether a value in the answer is an `Option`. An array of any length is empty instead.
pub(super) fn is_optional(field: &RequestField) -> bool {
    !field.conditions.is_empty() && !is_slice(&field.count)
}

fn is_slice(count: &Count) -> bool {
    matches!(count, Count::Config { .. } | Count::Field { .. } | Count::Open)
}

/// Returns whether the type of the field in the request or in the answer has the byte order as parameter.
fn keeps_byte_order(field: &RequestField) -> bool {
    let is_stored = !matches!(field.count, Count::One) || matches!(field.element, Element::Struct(_));
    is_stored && plain(&field.element).has_byte_order()
}

/// The type of one element.
pub(super) fn plain(element: &Element) -> Type {
    Type { element: element.clone(), len: None }
}

fn lifetime(name: &str) -> syn::Lifetime {
    syn::Lifetime::new(&format!("'{name}"), Span::call_site())
}
