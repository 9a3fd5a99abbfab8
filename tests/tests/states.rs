//! The legal moves, all of them: a change to the machine is a visible change here.

use steadfast::StateTables;

#[test]
fn every_state_answers_every_input_as_the_printed_tables_say() {
    insta::assert_snapshot!(StateTables, @r"
    Connecting   Confirmed       Established
    Connecting   CloseRequested  Connecting
    Connecting   Drained         Closed
    Connecting   LingerOver      Closed
    Connecting   Refused         Closed
    Connecting   EndedByPeer     Closed
    Connecting   Failed          Closed
    Connecting   Lost            Closed
    Connecting   PeerRestarted   -
    Established  Confirmed       -
    Established  CloseRequested  Closing
    Established  Drained         -
    Established  LingerOver      -
    Established  Refused         -
    Established  EndedByPeer     Closed
    Established  Failed          Closed
    Established  Lost            Closed
    Established  PeerRestarted   Established
    Closing      Confirmed       -
    Closing      CloseRequested  -
    Closing      Drained         Closed
    Closing      LingerOver      Closed
    Closing      Refused         -
    Closing      EndedByPeer     Closed
    Closing      Failed          Closed
    Closing      Lost            Closed
    Closing      PeerRestarted   Closed
    Closed       Confirmed       -
    Closed       CloseRequested  -
    Closed       Drained         -
    Closed       LingerOver      -
    Closed       Refused         -
    Closed       EndedByPeer     -
    Closed       Failed          -
    Closed       Lost            -
    Closed       PeerRestarted   -
    Reachable    Heard           Reachable
    Reachable    Silent          Unreachable
    Reachable    RetentionOver   -
    Unreachable  Heard           Reachable
    Unreachable  Silent          -
    Unreachable  RetentionOver   Lost
    Lost         Heard           -
    Lost         Silent          -
    Lost         RetentionOver   -
    ");
}
