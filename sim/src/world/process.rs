//! Processes that start, die, and start again.
//!
//! What dies with a process: its sessions, the packets that its driver held, and what its application had not sent yet.
//! What its successor has: the same configuration, certificate and endpoint name unless the test gives it others, an
//! application that reads at the same pace, and random bytes of its own.

use steadfast::{Listener, Session};

use super::World;
use crate::books::Claim;
use crate::clock::Clock;
use crate::flow::{ClientId, NodeId};
use crate::link::Cut;
use crate::node::{ClientNode, ClientProcess, ServerNode, ServerProcess};
use crate::random::NodeRandom;
use crate::setup::{ClientSetup, ServerSetup, Setup};

/// The server's stream of random bytes; client `n` has the `n + 1`st.
const SERVER_STREAM: u32 = 0;

/// Starts one of the server's processes.
pub(super) fn start_server(setup: &Setup, incarnation: u32, clock: &Clock) -> ServerNode {
    let mut random = NodeRandom::new(setup.seed, SERVER_STREAM, incarnation);
    let config = random.lend(|| setup.server.config(setup, clock));
    let listener = random.lend(|| Listener::new(&config, clock.now()));
    let process = ServerProcess {
        incarnation,
        claim: Claim::of_server(&setup.server),
        delivery: setup.server.delivery,
    };
    ServerNode::new(process, listener.expect("random bytes are at hand"), random)
}

impl World {
    /// The client's process dies, and another takes its place at once. Its connection ends as `cut` says: the new process
    /// is connected after [`down_for`](Cut::down_for), or when [`reconnect`](Self::reconnect) says so, and the
    /// [`tail`](Cut::tail), with packets of the dead process and for it, may still arrive. A client that was killed can be
    /// started again by this.
    #[track_caller]
    pub fn restart_client(&mut self, client: ClientId, cut: Cut) {
        let setup = self.clients[client.0].setup.clone();
        self.replace_client(client, cut, setup);
    }

    /// The same, but the new process is of another kind.
    #[track_caller]
    pub fn restart_client_as(&mut self, client: ClientId, cut: Cut, setup: ClientSetup) {
        self.server.reclaim(client, self.claim(client, &setup));
        self.replace_client(client, cut, setup);
    }

    #[track_caller]
    fn replace_client(&mut self, client: ClientId, cut: Cut, setup: ClientSetup) {
        self.end_client(client, cut, "restarts");
        let before = &self.clients[client.0];
        let mut node = self.start_client(client, before.incarnation + 1, setup);
        node.reader.resume(&self.clients[client.0].reader);
        self.clients[client.0] = node;
        self.must(|world| world.pump(NodeId::Client(client)));
    }

    /// The client's process dies, for good. What was on its way is lost; nobody is told.
    #[track_caller]
    pub fn kill_client(&mut self, client: ClientId) {
        self.end_client(client, Cut::for_good(), "dies");
    }

    /// The server's process dies, and another takes its place. All connections end as `cut` says: nobody connects before
    /// [`down_for`](Cut::down_for) is over (without it, before [`reconnect`](Self::reconnect) says so, each), and the
    /// [`tail`](Cut::tail), with packets of the dead process and for it, may still arrive. Clients that are cut already stay
    /// so.
    #[track_caller]
    pub fn restart_server(&mut self, cut: Cut) {
        let (at, now) = (self.clock.elapsed(), self.clock.now());
        self.log.note(at, "server restarts");
        self.must(|world| world.server.die(now, &world.network, &mut world.books));
        self.network.server_died(cut, at, &mut self.log);
        let mut node = start_server(&self.setup, self.server.incarnation + 1, &self.clock);
        node.reader.resume(&self.server.reader);
        self.server = node;
        for client in self.client_ids() {
            let claim = self.claim(client, &self.clients[client.0].setup);
            self.server.expect(client, claim);
        }
        self.must(Self::settle);
    }

    /// The same, but the new process is of another kind.
    #[track_caller]
    pub fn restart_server_as(&mut self, cut: Cut, server: ServerSetup) {
        self.setup.server = server;
        self.restart_server(cut);
    }

    /// Starts one of a client's processes.
    pub(super) fn start_client(&mut self, id: ClientId, incarnation: u32, setup: ClientSetup) -> ClientNode {
        let stream = u32::try_from(id.0 + 1).expect("worlds are small");
        let mut random = NodeRandom::new(self.setup.seed, stream, incarnation);
        let config = random.lend(|| setup.config(id, &self.setup, &self.clock));
        let session = random.lend(|| Session::new(&config, setup.server(), self.clock.now()));
        let process = ClientProcess {
            id,
            incarnation,
            claim: self.claim(id, &setup),
            setup,
        };
        let session = session.expect("a handshake can begin");
        ClientNode::new(process, session, random, &mut self.books)
    }

    pub(super) fn claim(&self, id: ClientId, setup: &ClientSetup) -> Claim {
        Claim::of_client(setup, id, self.setup.server.trusts.is_some())
    }

    #[track_caller]
    fn end_client(&mut self, client: ClientId, cut: Cut, how: &str) {
        let (at, now) = (self.clock.elapsed(), self.clock.now());
        self.log.note(at, format!("{client} {how}"));
        self.must(|world| world.clients[client.0].die(now, &mut world.books));
        self.network.client_died(client, cut, at);
        self.must(|world| world.pump_if_blocked(NodeId::Server));
    }
}
