//! `<linux/virtio_net.h>` and `<linux/virtio_ids.h>`. Older headers lack some items, which are not checked.

use core::mem::offset_of;

use aerostat_spec::Device as _;
use aerostat_spec::net::{
    Ack, AnnounceCommand, Coal, ControlClass, ControlHeader, Device, Gso, GsoType, GuestOffloadsCommand, HashReport,
    HashTypes, Header, HeaderFlags, HeaderHash, LegacyHeader, MacCommand, MacTable, MqCommand, NotfCoalCommand,
    RxCommand, Status, VQ_PAIRS_MAX, VQ_PAIRS_MIN, VlanCommand, VqPairs, config, feature,
};

use crate::{at, cc, feature, to_u64};

const HEADERS: [&str; 2] = ["linux/virtio_net.h", "linux/virtio_ids.h"];

#[test]
fn configuration_space_matches_linux() {
    let claims = [
        at::<config::Mac>("offsetof(struct virtio_net_config, mac)"),
        at::<config::Status>("offsetof(struct virtio_net_config, status)"),
        at::<config::MaxVirtqueuePairs>("offsetof(struct virtio_net_config, max_virtqueue_pairs)"),
        at::<config::Mtu>("offsetof(struct virtio_net_config, mtu)"),
        at::<config::Speed>("offsetof(struct virtio_net_config, speed)"),
        at::<config::Duplex>("offsetof(struct virtio_net_config, duplex)"),
        at::<config::RssMaxKeySize>("offsetof(struct virtio_net_config, rss_max_key_size)"),
        at::<config::RssMaxIndirectionTableLength>(
            "offsetof(struct virtio_net_config, rss_max_indirection_table_length)",
        ),
        at::<config::SupportedHashTypes>("offsetof(struct virtio_net_config, supported_hash_types)"),
        at::<config::SupportedTunnelTypes>("offsetof(struct virtio_net_config, supported_hash_types) + 4"),
        ("VIRTIO_NET_S_LINK_UP", Status::new().with_link_up(true).into_bits().into()),
        ("VIRTIO_NET_S_ANNOUNCE", Status::new().with_announce(true).into_bits().into()),
    ];
    cc::check("net_config", &HEADERS, &claims);
}

#[test]
fn features_and_device_id_match_linux() {
    let claims = [
        ("VIRTIO_ID_NET", Device::ID.0.into()),
        feature(feature::Csum),
        feature(feature::GuestCsum),
        feature(feature::CtrlGuestOffloads),
        feature(feature::Mtu),
        feature(feature::Mac),
        feature(feature::Gso),
        feature(feature::GuestTso4),
        feature(feature::GuestTso6),
        feature(feature::GuestEcn),
        feature(feature::GuestUfo),
        feature(feature::HostTso4),
        feature(feature::HostTso6),
        feature(feature::HostEcn),
        feature(feature::HostUfo),
        feature(feature::MrgRxbuf),
        feature(feature::Status),
        feature(feature::CtrlVq),
        feature(feature::CtrlRx),
        feature(feature::CtrlVlan),
        feature(feature::CtrlRxExtra),
        feature(feature::GuestAnnounce),
        feature(feature::Mq),
        feature(feature::CtrlMacAddr),
        feature(feature::NotfCoal),
        feature(feature::HashReport),
        feature(feature::Rss),
        feature(feature::RscExt),
        feature(feature::Standby),
        feature(feature::SpeedDuplex),
    ];
    cc::check("net_features", &HEADERS, &claims);
}

#[test]
fn packet_header_layout_matches_linux() {
    let hash = |field| to_u64(size_of::<Header>() + field);
    let claims = [
        ("sizeof(struct virtio_net_hdr_v1)", to_u64(size_of::<Header>())),
        ("offsetof(struct virtio_net_hdr_v1, flags)", to_u64(offset_of!(Header, flags))),
        ("offsetof(struct virtio_net_hdr_v1, gso_type)", to_u64(offset_of!(Header, gso_type))),
        ("offsetof(struct virtio_net_hdr_v1, hdr_len)", to_u64(offset_of!(Header, hdr_len))),
        ("offsetof(struct virtio_net_hdr_v1, gso_size)", to_u64(offset_of!(Header, gso_size))),
        ("offsetof(struct virtio_net_hdr_v1, csum_start)", to_u64(offset_of!(Header, csum_start))),
        ("offsetof(struct virtio_net_hdr_v1, csum_offset)", to_u64(offset_of!(Header, csum_offset))),
        ("offsetof(struct virtio_net_hdr_v1, num_buffers)", to_u64(offset_of!(Header, num_buffers))),
        ("offsetof(struct virtio_net_hdr_v1, rsc.segments)", to_u64(offset_of!(Header, csum_start))),
        ("offsetof(struct virtio_net_hdr_v1, rsc.dup_acks)", to_u64(offset_of!(Header, csum_offset))),
        ("sizeof(struct virtio_net_hdr)", to_u64(size_of::<LegacyHeader>())),
        ("offsetof(struct virtio_net_hdr, flags)", to_u64(offset_of!(LegacyHeader, flags))),
        ("offsetof(struct virtio_net_hdr, gso_type)", to_u64(offset_of!(LegacyHeader, gso_type))),
        ("offsetof(struct virtio_net_hdr, hdr_len)", to_u64(offset_of!(LegacyHeader, hdr_len))),
        ("offsetof(struct virtio_net_hdr, gso_size)", to_u64(offset_of!(LegacyHeader, gso_size))),
        ("offsetof(struct virtio_net_hdr, csum_start)", to_u64(offset_of!(LegacyHeader, csum_start))),
        ("offsetof(struct virtio_net_hdr, csum_offset)", to_u64(offset_of!(LegacyHeader, csum_offset))),
        ("sizeof(struct virtio_net_hdr_v1_hash)", hash(size_of::<HeaderHash>())),
        ("offsetof(struct virtio_net_hdr_v1_hash, hash_value)", hash(offset_of!(HeaderHash, hash_value))),
        ("offsetof(struct virtio_net_hdr_v1_hash, hash_report)", hash(offset_of!(HeaderHash, hash_report))),
        ("offsetof(struct virtio_net_hdr_v1_hash, padding)", hash(offset_of!(HeaderHash, padding))),
    ];
    cc::check("net_headers", &HEADERS, &claims);
}

#[test]
fn packet_header_values_match_linux() {
    let flags = |expression, flags: HeaderFlags| (expression, flags.into_bits().into());
    let gso = |expression, kind: Gso| (expression, GsoType::new().with_kind(kind.to_raw()).into_bits().into());
    let claims = [
        flags("VIRTIO_NET_HDR_F_NEEDS_CSUM", HeaderFlags::new().with_needs_csum(true)),
        flags("VIRTIO_NET_HDR_F_DATA_VALID", HeaderFlags::new().with_data_valid(true)),
        flags("VIRTIO_NET_HDR_F_RSC_INFO", HeaderFlags::new().with_rsc_info(true)),
        gso("VIRTIO_NET_HDR_GSO_NONE", Gso::None),
        gso("VIRTIO_NET_HDR_GSO_TCPV4", Gso::TcpV4),
        gso("VIRTIO_NET_HDR_GSO_UDP", Gso::Udp),
        gso("VIRTIO_NET_HDR_GSO_TCPV6", Gso::TcpV6),
        ("VIRTIO_NET_HDR_GSO_ECN", GsoType::new().with_ecn(true).into_bits().into()),
    ];
    cc::check("net_header_values", &HEADERS, &claims);
}

#[test]
fn hashes_match_linux() {
    let types = |expression, types: HashTypes| (expression, types.into_bits().into());
    let report = |expression, report: HashReport| (expression, report.to_raw().into());
    let claims = [
        types("VIRTIO_NET_RSS_HASH_TYPE_IPv4", HashTypes::new().with_ipv4(true)),
        types("VIRTIO_NET_RSS_HASH_TYPE_TCPv4", HashTypes::new().with_tcp_v4(true)),
        types("VIRTIO_NET_RSS_HASH_TYPE_UDPv4", HashTypes::new().with_udp_v4(true)),
        types("VIRTIO_NET_RSS_HASH_TYPE_IPv6", HashTypes::new().with_ipv6(true)),
        types("VIRTIO_NET_RSS_HASH_TYPE_TCPv6", HashTypes::new().with_tcp_v6(true)),
        types("VIRTIO_NET_RSS_HASH_TYPE_UDPv6", HashTypes::new().with_udp_v6(true)),
        types("VIRTIO_NET_RSS_HASH_TYPE_IP_EX", HashTypes::new().with_ip_ex(true)),
        types("VIRTIO_NET_RSS_HASH_TYPE_TCP_EX", HashTypes::new().with_tcp_ex(true)),
        types("VIRTIO_NET_RSS_HASH_TYPE_UDP_EX", HashTypes::new().with_udp_ex(true)),
        report("VIRTIO_NET_HASH_REPORT_NONE", HashReport::None),
        report("VIRTIO_NET_HASH_REPORT_IPv4", HashReport::Ipv4),
        report("VIRTIO_NET_HASH_REPORT_TCPv4", HashReport::TcpV4),
        report("VIRTIO_NET_HASH_REPORT_UDPv4", HashReport::UdpV4),
        report("VIRTIO_NET_HASH_REPORT_IPv6", HashReport::Ipv6),
        report("VIRTIO_NET_HASH_REPORT_TCPv6", HashReport::TcpV6),
        report("VIRTIO_NET_HASH_REPORT_UDPv6", HashReport::UdpV6),
        report("VIRTIO_NET_HASH_REPORT_IPv6_EX", HashReport::Ipv6Ex),
        report("VIRTIO_NET_HASH_REPORT_TCPv6_EX", HashReport::TcpV6Ex),
        report("VIRTIO_NET_HASH_REPORT_UDPv6_EX", HashReport::UdpV6Ex),
    ];
    cc::check("net_hashes", &HEADERS, &claims);
}

#[test]
fn command_layout_matches_linux() {
    let claims = [
        ("sizeof(struct virtio_net_ctrl_hdr)", to_u64(size_of::<ControlHeader>())),
        ("offsetof(struct virtio_net_ctrl_hdr, class)", to_u64(offset_of!(ControlHeader, class))),
        ("offsetof(struct virtio_net_ctrl_hdr, cmd)", to_u64(offset_of!(ControlHeader, command))),
        ("offsetof(struct virtio_net_ctrl_mac, macs)", to_u64(size_of::<MacTable>())),
        ("sizeof(struct virtio_net_ctrl_mq)", to_u64(size_of::<VqPairs>())),
        ("sizeof(struct virtio_net_ctrl_coal_rx)", to_u64(size_of::<Coal>())),
        ("offsetof(struct virtio_net_ctrl_coal_rx, rx_max_packets)", to_u64(offset_of!(Coal, max_packets))),
        ("offsetof(struct virtio_net_ctrl_coal_rx, rx_usecs)", to_u64(offset_of!(Coal, max_usecs))),
    ];
    cc::check("net_command_layouts", &HEADERS, &claims);
}

#[test]
fn commands_match_linux() {
    let claims = [
        ("VIRTIO_NET_OK", Ack::Ok.to_raw().into()),
        ("VIRTIO_NET_ERR", Ack::Error.to_raw().into()),
        ("VIRTIO_NET_CTRL_RX", ControlClass::Rx.to_raw().into()),
        ("VIRTIO_NET_CTRL_MAC", ControlClass::Mac.to_raw().into()),
        ("VIRTIO_NET_CTRL_VLAN", ControlClass::Vlan.to_raw().into()),
        ("VIRTIO_NET_CTRL_ANNOUNCE", ControlClass::Announce.to_raw().into()),
        ("VIRTIO_NET_CTRL_MQ", ControlClass::Mq.to_raw().into()),
        ("VIRTIO_NET_CTRL_GUEST_OFFLOADS", ControlClass::GuestOffloads.to_raw().into()),
        ("VIRTIO_NET_CTRL_NOTF_COAL", ControlClass::NotfCoal.to_raw().into()),
        ("VIRTIO_NET_CTRL_RX_PROMISC", RxCommand::Promisc.to_raw().into()),
        ("VIRTIO_NET_CTRL_RX_ALLMULTI", RxCommand::Allmulti.to_raw().into()),
        ("VIRTIO_NET_CTRL_RX_ALLUNI", RxCommand::Alluni.to_raw().into()),
        ("VIRTIO_NET_CTRL_RX_NOMULTI", RxCommand::Nomulti.to_raw().into()),
        ("VIRTIO_NET_CTRL_RX_NOUNI", RxCommand::Nouni.to_raw().into()),
        ("VIRTIO_NET_CTRL_RX_NOBCAST", RxCommand::Nobcast.to_raw().into()),
        ("VIRTIO_NET_CTRL_MAC_TABLE_SET", MacCommand::TableSet.to_raw().into()),
        ("VIRTIO_NET_CTRL_MAC_ADDR_SET", MacCommand::AddrSet.to_raw().into()),
        ("VIRTIO_NET_CTRL_VLAN_ADD", VlanCommand::Add.to_raw().into()),
        ("VIRTIO_NET_CTRL_VLAN_DEL", VlanCommand::Del.to_raw().into()),
        ("VIRTIO_NET_CTRL_ANNOUNCE_ACK", AnnounceCommand::Ack.to_raw().into()),
        ("VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET", MqCommand::VqPairsSet.to_raw().into()),
        ("VIRTIO_NET_CTRL_MQ_RSS_CONFIG", MqCommand::RssConfig.to_raw().into()),
        ("VIRTIO_NET_CTRL_MQ_HASH_CONFIG", MqCommand::HashConfig.to_raw().into()),
        ("VIRTIO_NET_CTRL_MQ_VQ_PAIRS_MIN", VQ_PAIRS_MIN.into()),
        ("VIRTIO_NET_CTRL_MQ_VQ_PAIRS_MAX", VQ_PAIRS_MAX.into()),
        ("VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET", GuestOffloadsCommand::Set.to_raw().into()),
        ("VIRTIO_NET_CTRL_NOTF_COAL_TX_SET", NotfCoalCommand::TxSet.to_raw().into()),
        ("VIRTIO_NET_CTRL_NOTF_COAL_RX_SET", NotfCoalCommand::RxSet.to_raw().into()),
    ];
    cc::check("net_commands", &HEADERS, &claims);
}
