use proptest::prelude::*;

use super::inbox::InboxLimits;
use super::outbox::OutboxLimits;
use super::*;
use crate::Violation;

const LIMITS: InboxLimits = InboxLimits {
    message_bytes: 1 << 20,
    window_bytes: 500,
    manual: false,
};

fn outbox() -> Outbox {
    Outbox::new(OutboxLimits {
        message_bytes: 1 << 20,
        held_bytes: 1 << 22,
        share_packets: true,
    })
}

/// The messages of the document: parts, and whether an earlier process of the receiver may have had them.
fn documented() -> [(&'static [&'static str], bool); 6] {
    let several = &["ab", "", "c"];
    [
        (&["hello"], false),
        (&[""], false),
        (&["0123456789abcdef"], false),
        (several, false),
        (&["hello"], true),
        (several, true),
    ]
}

#[test]
fn messages_are_those_of_the_document() {
    let (mut outbox, mut inbox) = (outbox(), Inbox::new(LIMITS));
    for (parts, possible_duplicate) in documented() {
        let parts: Vec<_> = parts.iter().map(|part| Bytes::from_static(part.as_bytes())).collect();
        let message = Message::multipart(MessageId::from_end_offset(1), parts);
        outbox.push_again(&message, possible_duplicate);
    }
    let (offset, bytes) = piece(&mut outbox, &inbox, 500).expect("something to send");
    let expected: Vec<_> = crate::vectors::block("messages")
        .into_iter()
        .map(|(_, bytes)| bytes)
        .collect();
    assert_eq!(bytes, expected.concat());
    insert(&mut outbox, &mut inbox, offset, &bytes).expect("room");
    for (parts, possible_duplicate) in documented() {
        let message = inbox.next_message().expect("a message").expect("well-formed");
        assert_eq!(
            (message.parts(), message.is_possible_duplicate()),
            (
                &*parts
                    .iter()
                    .map(|part| Bytes::from_static(part.as_bytes()))
                    .collect::<Vec<_>>(),
                possible_duplicate
            )
        );
    }
}

/// Moves at most `room` bytes of the stream; whole packets would do the same.
fn piece(outbox: &mut Outbox, inbox: &Inbox, room: usize) -> Option<(u64, Bytes)> {
    let span = outbox.next_span(room, inbox.credit())?;
    let mut bytes = Vec::new();
    outbox.copy(span.clone(), &mut bytes);
    Some((span.start, bytes.into()))
}

/// Delivers a piece, or loses it where there is no room for it.
fn insert(outbox: &mut Outbox, inbox: &mut Inbox, offset: u64, bytes: &Bytes) -> Result<(), Refused> {
    let length = bytes.len();
    if let Err(refused) = inbox.check(offset, length) {
        outbox.lose(offset..offset + length as u64);
        return Err(refused);
    }
    inbox.insert(offset, bytes, length).expect("well-formed");
    if inbox.wanted_reservation().is_some() {
        inbox.grant_reservation();
    }
    Ok(())
}

fn any_message() -> impl Strategy<Value = Vec<Bytes>> {
    let part = prop_oneof![4 => 0usize..40, 2 => 0usize..600, 1 => 8_000usize..9_000]
        .prop_flat_map(|length| proptest::collection::vec(any::<u8>(), length))
        .prop_map(Bytes::from);
    prop_oneof![3 => part.clone().prop_map(|part| vec![part]), 1 => proptest::collection::vec(part, 1..5)]
}

proptest! {
    #[test]
    fn any_cut_of_the_stream_in_any_order_delivers_the_same_messages(
        messages in proptest::collection::vec(any_message(), 1..20),
        rooms in proptest::collection::vec((1usize..400, any::<bool>(), any::<bool>()), 1..50),
    ) {
        let (mut outbox, mut inbox) = (outbox(), Inbox::new(LIMITS));
        for message in &messages {
            outbox.push_parts(message).expect("accepted");
        }
        let mut delivered = Vec::new();
        let mut late: Vec<(u64, Bytes)> = Vec::new();
        let mut losses = 0..30;
        for &(room, delay, lose) in rooms.iter().cycle() {
            let taken = match piece(&mut outbox, &inbox, room) {
                Some((at, bytes)) if lose && losses.next().is_some() => {
                    outbox.lose(at..at + bytes.len() as u64);
                    insert(&mut outbox, &mut inbox, at, &bytes)
                }
                Some(piece) if delay && late.len() < 20 => {
                    late.push(piece);
                    Ok(())
                }
                Some((at, bytes)) => insert(&mut outbox, &mut inbox, at, &bytes),
                None => Err(Refused::NoRoom),
            };
            if taken.is_err() {
                prop_assert_eq!(taken, Err(Refused::NoRoom));
                for (at, bytes) in late.drain(..).rev() {
                    let _ = insert(&mut outbox, &mut inbox, at, &bytes);
                }
            }
            while let Some(message) = inbox.next_message() {
                if inbox.wanted_reservation().is_some() {
                    inbox.grant_reservation();
                }
                delivered.push(message.expect("well-formed").into_parts());
                outbox.handed(inbox.handed()).expect("sent");
            }
            if outbox.is_empty() {
                break;
            }
        }
        prop_assert_eq!(delivered, messages);
        prop_assert!(outbox.is_empty() && outbox.acknowledged_through().is_some());
    }

    #[test]
    fn every_message_not_acknowledged_is_listed_as_in_doubt_or_unsent(
        messages in proptest::collection::vec(any_message(), 0..20),
        sent in 0usize..20_000,
        handed in 0usize..20,
    ) {
        let mut outbox = outbox();
        let ids: Vec<_> = messages.iter().map(|message| outbox.push_parts(message).expect("accepted")).collect();
        let sent = outbox.next_span(sent, u64::MAX).map_or(0, |span| span.end);
        let handed = ids.iter().take(handed).take_while(|id| id.end_offset() <= sent).count();
        if let Some(last) = ids[..handed].last() {
            outbox.handed(last.end_offset()).expect("sent");
        }
        let (in_doubt, unsent) = outbox.undelivered();
        for message in &in_doubt {
            prop_assert!(message.id().end_offset() - (message.total_bytes() as u64) < sent + 20);
        }
        let listed: Vec<_> = in_doubt.into_iter().chain(unsent).collect();
        prop_assert_eq!(listed.iter().map(Message::id).collect::<Vec<_>>(), &ids[handed..]);
        let parts: Vec<_> = listed.into_iter().map(Message::into_parts).collect();
        prop_assert_eq!(parts, &messages[handed..]);
    }

    #[test]
    fn any_bytes_as_a_stream_never_panic(pieces in proptest::collection::vec(
        (0u64..300, proptest::collection::vec(any::<u8>(), 0..60)), 0..40))
    {
        let mut inbox = Inbox::new(LIMITS);
        for (offset, bytes) in pieces {
            let length = bytes.len();
            if inbox.check(offset, length).is_err() || inbox.insert(offset, &bytes.into(), length).is_err() {
                break;
            }
            while let Some(Ok(_)) = inbox.next_message() {}
        }
    }
}

#[test]
fn an_acknowledgement_within_a_message_or_of_what_was_not_sent_is_refused() {
    let mut outbox = outbox();
    let first = outbox.push(b"hello").expect("accepted").end_offset();
    let second = outbox.push(b"world").expect("accepted").end_offset();
    outbox.next_span(first as usize, u64::MAX);
    assert!(outbox.handed(first - 1).is_err());
    assert!(outbox.handed(second).is_err());
    assert_eq!(outbox.handed(first), Ok(true));
    assert_eq!(outbox.handed(first), Ok(false));
}

#[test]
fn a_peer_that_sends_single_bytes_far_ahead_cannot_make_us_hold_more_pieces_than_allowed() {
    let mut inbox = Inbox::new(InboxLimits {
        message_bytes: 1 << 30,
        window_bytes: 1 << 20,
        ..LIMITS
    });
    let refused = (0..20_000u64).map(|n| 1 + 2 * n).find(|&at| {
        let taken = inbox.check(at, 1);
        if taken.is_ok() {
            inbox.insert(at, &Bytes::from_static(b"x"), 1).expect("well-formed");
        }
        taken == Err(Refused::NoRoom)
    });
    assert_eq!(refused, Some(1 + 2 * 4096));
}

#[test]
fn a_message_before_one_that_is_too_large_is_still_handed_over() {
    let (mut outbox, mut inbox) = (
        outbox(),
        Inbox::new(InboxLimits {
            message_bytes: 9,
            ..LIMITS
        }),
    );
    outbox.push(b"fits").expect("accepted");
    outbox.push(b"does not fit").expect("accepted");
    let (at, bytes) = piece(&mut outbox, &inbox, 500).expect("something to send");
    let length = bytes.len();
    inbox.insert(at, &bytes, length).expect("the first is well-formed");
    assert_eq!(
        inbox.next_message().expect("arrived").expect("well-formed").payload(),
        "fits"
    );
    assert_eq!(inbox.next_message(), Some(Err(Violation::MessageTooLarge)));
}

#[test]
fn nested_pieces_behind_a_gap_do_not_keep_their_packets_alive() {
    let mut inbox = Inbox::new(InboxLimits {
        message_bytes: 1 << 30,
        window_bytes: 1 << 20,
        ..LIMITS
    });
    for start in (100..200).rev() {
        let packet = Bytes::from(vec![0; 60_000]);
        inbox.insert(start, &packet, packet.len()).expect("well-formed");
        assert!(start == 199 || packet.is_unique(), "one new byte keeps 60,000 alive");
    }
}

#[test]
fn more_than_the_credit_is_a_violation_and_exactly_the_credit_is_not() {
    let inbox = Inbox::new(LIMITS);
    assert_eq!(inbox.check(0, 500), Ok(()));
    assert_eq!(inbox.check(1, 500), Err(Refused::Violation(Violation::CreditExceeded)));
    assert_eq!(
        inbox.check(u64::MAX, 1),
        Err(Refused::Violation(Violation::CreditExceeded))
    );
}
