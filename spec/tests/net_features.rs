//! Negotiation of the features of a network device, which have the most complex dependencies.

use aerostat_spec::net::{self, FeatureBits, config, feature, queue};
use aerostat_spec::{
    Accepted, Feature as _, FeatureSet as _, NegotiateError, Queue as _, Readable, Request as _, reserved,
};

/// A feature set of a network device.
macro_rules! declare {
    ($name:ident { $($feature:ident: $requirement:ident),* }) => {
        aerostat_spec::feature_set! { struct $name for net { $(feature::$feature: $requirement),* } }
    };
}

declare! {
    Receiver { GuestCsum: Optional, GuestTso4: Optional, GuestTso6: Optional, GuestEcn: Optional, GuestUfo: Optional }
}
declare! { Steering { CtrlVq: Optional, Mq: Optional, Rss: Optional, HashReport: Optional, HashTunnel: Optional } }
declare! { Ecn { GuestCsum: Optional, GuestTso4: Optional, GuestTso6: Optional, GuestEcn: Required } }

// Every feature except GUEST_RSC4, which has the same bit as ADMIN_VQ.
aerostat_spec::feature_set! {
    struct All for net {
        feature::Csum: Optional,
        feature::GuestCsum: Optional,
        feature::CtrlGuestOffloads: Optional,
        feature::Mtu: Optional,
        feature::Mac: Optional,
        feature::Gso: Optional,
        feature::GuestTso4: Optional,
        feature::GuestTso6: Optional,
        feature::GuestEcn: Optional,
        feature::GuestUfo: Optional,
        feature::HostTso4: Optional,
        feature::HostTso6: Optional,
        feature::HostEcn: Optional,
        feature::HostUfo: Optional,
        feature::MrgRxbuf: Optional,
        feature::Status: Optional,
        feature::CtrlVq: Optional,
        feature::CtrlRx: Optional,
        feature::CtrlVlan: Optional,
        feature::CtrlRxExtra: Optional,
        feature::GuestAnnounce: Optional,
        feature::Mq: Optional,
        feature::CtrlMacAddr: Optional,
        feature::GuestRsc6: Optional,
        feature::DeviceStats: Optional,
        feature::HashTunnel: Optional,
        feature::VqNotfCoal: Optional,
        feature::NotfCoal: Optional,
        feature::GuestUso4: Optional,
        feature::GuestUso6: Optional,
        feature::HostUso: Optional,
        feature::HashReport: Optional,
        feature::GuestHdrlen: Optional,
        feature::Rss: Optional,
        feature::RscExt: Optional,
        feature::Standby: Optional,
        feature::SpeedDuplex: Optional,
        feature::RssContext: Optional,
        feature::GuestUdpTunnelGso: Optional,
        feature::GuestUdpTunnelGsoCsum: Optional,
        feature::HostUdpTunnelGso: Optional,
        feature::HostUdpTunnelGsoCsum: Optional,
        feature::OutNetHeader: Optional,
        feature::Ipsec: Optional,
        reserved::feature::NotifyOnEmpty: Optional,
        reserved::feature::AnyLayout: Optional,
        reserved::feature::IndirectDesc: Optional,
        reserved::feature::EventIdx: Optional,
        reserved::feature::Version1: Optional,
        reserved::feature::AccessPlatform: Optional,
        reserved::feature::RingPacked: Optional,
        reserved::feature::InOrder: Optional,
        reserved::feature::OrderPlatform: Optional,
        reserved::feature::SrIov: Optional,
        reserved::feature::NotificationData: Optional,
        reserved::feature::NotifConfigData: Optional,
        reserved::feature::RingReset: Optional,
        reserved::feature::AdminVq: Optional,
        reserved::feature::Suspend: Optional,
    }
}

#[test]
fn set_can_declare_all_features() {
    assert_eq!(All::DECLARED.count_ones(), 52);
    assert_eq!(All::DECLARED_HIGH, 0b111_1111);
    // SAFETY: the proofs are not used with a device.
    let accepted = unsafe { Accepted::<All>::negotiate_wide(!0, !0) }.expect("nothing is required");
    assert_eq!((accepted.bits(), accepted.high_bits()), (All::DECLARED, All::DECLARED_HIGH));
}

#[test]
fn udp_tunnel_offloads_require_all_segmentation_offloads() {
    let bits = |without: FeatureBits| {
        // SAFETY: the proofs are not used with a device.
        let accepted = unsafe { Accepted::<All>::negotiate_wide(!without.into_bits(), !0) };
        accepted.expect("nothing is required").high_bits()
    };
    let none = FeatureBits::new();
    assert_eq!(bits(none.with::<feature::GuestUso6>()), 0b111_1001, "both features of the driver's side are left out");
    assert_eq!(bits(none.with::<feature::HostUdpTunnelGso>()), 0b110_0111, "its checksums are left out too");
    assert_eq!(bits(none.with::<feature::Rss>()), 0b111_1110);
}

/// The lengths are those of "Device Operation" (5.1.6): 12 bytes, 20 with hashes, 24 with tunnels, and 32 with all parts.
#[test]
fn packet_header_grows_with_the_features() {
    let length = |offered: FeatureBits| {
        // SAFETY: the proofs are not used with a device.
        let accepted =
            unsafe { Accepted::<All>::negotiate_wide(offered.into_bits(), !0) }.expect("nothing is required");
        let packet = net::TransmitPacket {
            context: net::TransmitPacketContext::new(&accepted),
            flags: net::HeaderFlags::new(),
            gso_type: net::GsoType::new(),
            hdr_len: 0,
            gso_size: 0,
            csum_start: 0,
            csum_offset: 0,
            hash_value: 1,
            hash_report: net::HashReport::None,
            padding_reserved: 0,
            outer_th_offset: 2,
            inner_nh_offset: 3,
            outer_nh_offset: 4,
            resource_id: 5,
            resource_type: 6,
            frame: &[],
        };
        let mut bytes = Vec::new();
        packet.encode(&mut |part| bytes.extend_from_slice(part)).expect("a valid packet");
        bytes.len()
    };
    let hashes = FeatureBits::new().with::<feature::CtrlVq>().with::<feature::HashReport>();
    let tunnels = hashes
        .with::<feature::Csum>()
        .with::<feature::HostTso4>()
        .with::<feature::HostTso6>()
        .with::<feature::HostUso>();
    let tunnels = tunnels.with::<feature::HostUdpTunnelGso>();
    assert_eq!([FeatureBits::new(), hashes, tunnels].map(length), [12, 20, 24]);
    assert_eq!(length(tunnels.with::<feature::OutNetHeader>()), 32);
}

/// "Legacy Interface: Device Operation": without MRG_RXBUF, the header is 2 bytes shorter than the 12 bytes of the modern interface, and
/// its fields are guest-endian.
#[test]
fn legacy_packet_header_has_the_number_of_buffers_only_with_its_feature() {
    use aerostat_spec::__private::zerocopy::{BigEndian, FromBytes as _};

    for (offered, header, expected) in [
        (0, &[0, 0, 0, 14, 0, 0, 0, 0, 0, 0][..], None),
        (1 << feature::MrgRxbuf::BIT, &[0, 0, 0, 14, 0, 0, 0, 0, 0, 0, 0, 2], Some(2)),
    ] {
        // SAFETY: the proofs are not used with a device.
        let accepted = unsafe { Accepted::<All>::negotiate_wide(offered, !0) }.expect("nothing is required");
        let mut packet = header.to_vec();
        packet.extend([0xaa, 0xbb]);
        let request: net::ReceiveLegacyPacket<BigEndian> = net::ReceiveLegacyPacket {
            context: net::ReceiveLegacyPacketContext::new(&accepted),
            frame_len: 2,
            byte_order: Default::default(),
        };
        let answer = net::ReceiveLegacyPacket::<BigEndian>::decode(&request.shape(), &packet).expect("a packet");
        assert_eq!((answer.header.hdr_len.get(), answer.num_buffers, answer.frame), (14, expected, &[0xaa, 0xbb][..]));

        let sent: net::TransmitLegacyPacket<'_, BigEndian> = net::TransmitLegacyPacket {
            context: net::TransmitLegacyPacketContext::new(&accepted),
            header: net::LegacyHeader::read_from_bytes(&header[..10]).expect("a header"),
            frame: &[0xaa, 0xbb],
        };
        let mut bytes = Vec::new();
        sent.encode(&mut |part| bytes.extend_from_slice(part)).expect("a valid packet");
        // The driver sends 0 for the number of buffers.
        packet.get_mut(10..header.len()).expect("the number").fill(0);
        assert_eq!(bytes, packet);
    }
}

fn accepted_by_receiver(offered: FeatureBits) -> FeatureBits {
    // SAFETY: the proofs are not used with a device.
    let accepted =
        unsafe { Accepted::<Receiver>::negotiate_wide(offered.into_bits(), !0) }.expect("nothing is required");
    FeatureBits::from_bits(accepted.bits().into())
}

#[test]
fn segmentation_offloads_require_checksum_offload() {
    let offered =
        FeatureBits::new().with::<feature::GuestTso4>().with::<feature::GuestTso6>().with::<feature::GuestUfo>();
    assert_eq!(accepted_by_receiver(offered), FeatureBits::new());
    assert_eq!(accepted_by_receiver(offered.with::<feature::GuestCsum>()), offered.with::<feature::GuestCsum>());
}

#[test]
fn ecn_requires_any_segmentation_offload() {
    let ecn = FeatureBits::new().with::<feature::GuestCsum>().with::<feature::GuestEcn>();
    for enough in [ecn.with::<feature::GuestTso4>(), ecn.with::<feature::GuestTso6>()] {
        assert_eq!(accepted_by_receiver(enough), enough);
    }
    assert_eq!(accepted_by_receiver(ecn), ecn.without::<feature::GuestEcn>());
    // Without checksum offload there is no segmentation offload, and without that no ECN.
    let without_csum = ecn.without::<feature::GuestCsum>().with::<feature::GuestTso4>();
    assert_eq!(accepted_by_receiver(without_csum), FeatureBits::new());
}

#[test]
fn error_lists_all_alternative_prerequisites() {
    let offered = FeatureBits::new().with::<feature::GuestCsum>().with::<feature::GuestEcn>().into_bits();
    // SAFETY: the proofs are not used with a device.
    let error =
        unsafe { Accepted::<Ecn>::negotiate_wide(offered, !0) }.expect_err("segmentation offloads are not offered");
    let missing = FeatureBits::new().with::<feature::GuestTso4>().with::<feature::GuestTso6>().into_bits() as u64;
    assert_eq!(error, NegotiateError::Prerequisite { name: "VIRTIO_NET_F_GUEST_ECN", bit: 9, missing });
}

#[test]
fn alternatives_are_combined_with_other_prerequisites() {
    let steering = |offered: FeatureBits| {
        // SAFETY: the proofs are not used with a device.
        let accepted =
            unsafe { Accepted::<Steering>::negotiate_wide(offered.into_bits(), !0) }.expect("nothing is required");
        FeatureBits::from_bits(accepted.bits().into())
    };
    let tunnel = FeatureBits::new().with::<feature::HashTunnel>().with::<feature::Rss>();
    assert_eq!(steering(tunnel), FeatureBits::new());
    assert_eq!(steering(tunnel.with::<feature::CtrlVq>()), tunnel.with::<feature::CtrlVq>());
    let without_rss = FeatureBits::new().with::<feature::HashTunnel>().with::<feature::CtrlVq>();
    assert_eq!(steering(without_rss), without_rss.without::<feature::HashTunnel>());
}

#[test]
fn proof_of_any_alternative_gives_access_to_a_field() {
    fn place<F: Readable>(field: F) -> usize {
        field.offset()
    }
    // SAFETY: the proofs are not used with a device.
    let accepted = unsafe { Accepted::<Steering>::negotiate(!0, !0) }.expect("all features are offered");
    let by_mq = accepted.proof(feature::Mq).map(config::MaxVirtqueuePairs::given);
    let by_rss = accepted.proof(feature::Rss).map(config::MaxVirtqueuePairs::given);
    assert_eq!((by_mq.map(place), by_rss.map(place)), (Some(8), Some(8)));
    let by_report = accepted.proof(feature::HashReport).map(config::RssMaxKeySize::given);
    assert_eq!(by_report.map(place), Some(17));
}

#[test]
fn control_queue_depends_on_its_feature() {
    // SAFETY: the proofs are not used with a device.
    let accepted = unsafe { Accepted::<Steering>::negotiate(!0, !0) }.expect("all features are offered");
    let proof = accepted.proof(feature::CtrlVq);
    let control = |pairs| proof.and_then(|proof| queue::Control::given(proof, pairs)).map(|queue| queue.spec().index);
    assert_eq!([1, 4].map(control), [Some(2), Some(8)]);
    assert_eq!(queue::Control::SPEC.needs, 1 << feature::CtrlVq::BIT);
}
