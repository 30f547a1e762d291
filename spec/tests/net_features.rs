//! What a driver gets of the features of a network device, whose dependencies are the most tangled ones.

use aerostat_spec::net::{self, FeatureBits, config, feature, queue};
use aerostat_spec::{Accepted, Feature as _, NegotiateError, Queue as _, Readable};

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

fn accepted_by_receiver(offered: FeatureBits) -> FeatureBits {
    let accepted = Accepted::<Receiver>::negotiate(offered.into_bits(), !0).expect("nothing is required");
    FeatureBits::from_bits(accepted.bits())
}

#[test]
fn long_packets_are_taken_only_with_incomplete_checksums() {
    let offered = FeatureBits::new().with_guest_tso4(true).with_guest_tso6(true).with_guest_ufo(true);
    assert_eq!(accepted_by_receiver(offered), FeatureBits::new());
    assert_eq!(accepted_by_receiver(offered.with_guest_csum(true)), offered.with_guest_csum(true));
}

#[test]
fn ecn_is_taken_with_long_packets_of_either_kind() {
    let ecn = FeatureBits::new().with_guest_csum(true).with_guest_ecn(true);
    for enough in [ecn.with_guest_tso4(true), ecn.with_guest_tso6(true)] {
        assert_eq!(accepted_by_receiver(enough), enough);
    }
    assert_eq!(accepted_by_receiver(ecn), ecn.with_guest_ecn(false));
    // Without checksums there are no long packets, and without these no ECN.
    let groundless = ecn.with_guest_csum(false).with_guest_tso4(true);
    assert_eq!(accepted_by_receiver(groundless), FeatureBits::new());
}

#[test]
fn a_required_feature_names_all_that_would_be_enough() {
    let offered = FeatureBits::new().with_guest_csum(true).with_guest_ecn(true).into_bits();
    let error = Accepted::<Ecn>::negotiate(offered, !0).expect_err("long packets are not offered");
    let missing = FeatureBits::new().with_guest_tso4(true).with_guest_tso6(true).into_bits();
    assert_eq!(error, NegotiateError::Prerequisite { name: "VIRTIO_NET_F_GUEST_ECN", bit: 9, missing });
}

#[test]
fn commands_need_their_queue_also_where_one_of_several_is_enough() {
    let steering = |offered: FeatureBits| {
        let accepted = Accepted::<Steering>::negotiate(offered.into_bits(), !0).expect("nothing is required");
        FeatureBits::from_bits(accepted.bits())
    };
    let tunnel = FeatureBits::new().with_hash_tunnel(true).with_rss(true);
    assert_eq!(steering(tunnel), FeatureBits::new());
    assert_eq!(steering(tunnel.with_ctrl_vq(true)), tunnel.with_ctrl_vq(true));
    let alone = FeatureBits::new().with_hash_tunnel(true).with_ctrl_vq(true);
    assert_eq!(steering(alone), alone.with_hash_tunnel(false));
}

#[test]
fn a_field_of_several_features_is_made_from_the_proof_of_each() {
    fn place<F: Readable>(field: F) -> usize {
        field.offset()
    }
    let accepted = Accepted::<Steering>::negotiate(!0, !0).expect("everything is offered");
    let by_mq = accepted.proof(feature::Mq).map(config::MaxVirtqueuePairs::given);
    let by_rss = accepted.proof(feature::Rss).map(config::MaxVirtqueuePairs::given);
    assert_eq!(by_mq, by_rss);
    assert_eq!(by_mq.map(place), Some(8));
    let by_report = accepted.proof(feature::HashReport).map(config::RssMaxKeySize::given);
    assert_eq!(by_report.map(place), Some(17));
}

#[test]
fn the_control_queue_exists_with_its_feature() {
    let proof = Accepted::<Steering>::negotiate(!0, !0).expect("everything is offered").proof(feature::CtrlVq);
    assert_eq!(proof.map(queue::Control::given).map(|_| queue::Control::SPEC.index), Some(2));
    assert_eq!(queue::Control::SPEC.needs, 1 << feature::CtrlVq::BIT);
}
