//! Why a server is not heard, as far as the connection shows it.

use crate::monitor::News;

/// How far the connection came, and whether anything came back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Diagnosis {
    reached: Reached,
    answered: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Reached {
    #[default]
    Nobody,
    /// A connection that stood, and ended.
    Ended,
    Tcp,
    NoZmtp,
    OtherMechanism,
    Zmtp,
}

impl Diagnosis {
    /// Takes note of what 0MQ says.
    pub(crate) fn note(&mut self, news: News) {
        let reached = match news {
            News::Connected => Reached::Tcp,
            News::NoZmtp { mechanism: false } => Reached::NoZmtp,
            News::NoZmtp { mechanism: true } => Reached::OtherMechanism,
            News::Up => Reached::Zmtp,
            News::Down => return self.blocked(),
        };
        self.reached = self.reached.max(reached);
    }

    /// 0MQ took a packet: without a monitor, the only sign of a connection.
    pub(crate) fn passed(&mut self) {
        self.reached = Reached::Zmtp;
    }

    /// 0MQ takes no packet: the connection is gone. What was found out about connections that never came to be stays.
    pub(crate) fn blocked(&mut self) {
        if self.reached == Reached::Zmtp {
            self.reached = Reached::Ended;
        }
    }

    /// A packet came, whatever it is worth.
    pub(crate) fn answered(&mut self) {
        self.answered = true;
    }

    /// What is probably wrong at this address, for a person who can mend it.
    pub(crate) fn probable_cause(self, address: &str, bound: bool, established: bool) -> String {
        match self.reached {
            Reached::Nobody | Reached::Ended if bound => format!("no server is connected to {address}"),
            Reached::Ended if established => format!("no connection to {address} any more"),
            Reached::Nobody => format!(
                "no connection to {address}: is a Steadfast server listening there, and does the network between let it through?"
            ),
            // An answer in plain text passes for an old greeting of 0MQ, for a moment.
            Reached::Ended | Reached::Tcp | Reached::NoZmtp => format!(
                "what listens at {address} does not speak 0MQ with a client: another service (HTTP, TLS), a 0MQ socket of \
                 another type than ROUTER or PAIR, or a process that hangs"
            ),
            Reached::OtherMechanism => format!(
                "the 0MQ socket at {address} wants another security mechanism than NULL (CURVE?); Steadfast needs none beneath it"
            ),
            Reached::Zmtp if established => {
                format!(
                    "the connection to {address} stands, but the server does not answer: it hangs, or is gone behind a proxy"
                )
            }
            Reached::Zmtp if self.answered => format!(
                "a 0MQ socket at {address} answers, but not as a Steadfast server does: a plain one, or another release"
            ),
            Reached::Zmtp => format!(
                "a 0MQ socket at {address} takes packets and answers nothing: a plain one, or a server that hangs, or is gone \
                 behind a proxy"
            ),
        }
    }
}
