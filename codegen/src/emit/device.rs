//! Device types.

use proc_macro2::TokenStream;
use quote::quote;

use crate::emit::target::{Target, number};
use crate::model::{Device, Queue};

impl Target {
    /// Emits a device type, its features, queues and configuration space.
    pub(super) fn device(&self, name: &str, device: &Device) -> TokenStream {
        let krate = &self.krate;
        let id = number(device.id.into());
        let features = self.features(&device.features, &quote!(#krate::OfDevice<super::Device>));
        let queues = self.queues(&device.queues);
        let config = self.block(&device.config, &format!("The configuration space of `{name}`."));
        let shared_memory = self.shared_memory(&device.shared_memory);
        let spec = |queue: &Queue| {
            let queue = self.camel(&queue.name);
            quote!(<queue::#queue as #krate::Queue>::SPEC)
        };
        let specs = device.queues.iter().filter(|queue| queue.computed.is_none()).map(spec);
        let computed = device.queues.iter().filter_map(|queue| Some((queue, queue.computed.as_ref()?)));
        let computed = computed.map(|(queue, computed)| {
            let (spec, step) = (spec(queue), self.step(computed));
            quote!(#krate::ComputedQueues { spec: #spec, step: #step })
        });
        let computed: Vec<TokenStream> = computed.collect();
        let computed = (!computed.is_empty())
            .then(|| quote!(const COMPUTED_QUEUES: &'static [#krate::ComputedQueues] = &[#(#computed),*];));
        let doc = format!(" The device type `{name}`. Its virtio device id is {}.", device.id);
        quote! {
            #[doc = #doc]
            #[derive(Debug)]
            pub enum Device {}

            impl #krate::Device for Device {
                const ID: #krate::DeviceId = #krate::DeviceId(#id);
                const NAME: &'static str = #name;
                const QUEUES: &'static [#krate::QueueSpec] = &[#(#specs),*];
                #computed
                type Config = config::Space;
                type Features = Features;
            }

            #features
            #queues
            #config
            #shared_memory
        }
    }
}
