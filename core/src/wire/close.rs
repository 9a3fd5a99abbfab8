//! The codes that end a session, as numbers.

use rustls::AlertDescription;

use crate::CloseCode;

/// Behind this come the alerts of TLS, as in RFC 9001 §4.8.
const TLS_ALERT: u64 = 0x100;

impl CloseCode {
    pub(crate) fn to_wire(self) -> u64 {
        match self {
            Self::Finished => 0,
            Self::LingerExpired => 1,
            Self::Violation => 2,
            Self::Busy => 3,
            Self::Stalled => 4,
            Self::Lost => 5,
            Self::TooLarge => 6,
            Self::KeysSpent => 7,
            Self::Superseded => 8,
            Self::Aborted => 9,
            Self::Tls(alert) => TLS_ALERT + u64::from(u8::from(alert)),
            Self::Other(code) => code,
        }
    }

    pub(crate) fn from_wire(code: u64) -> Self {
        match code {
            0 => Self::Finished,
            1 => Self::LingerExpired,
            2 => Self::Violation,
            3 => Self::Busy,
            4 => Self::Stalled,
            5 => Self::Lost,
            6 => Self::TooLarge,
            7 => Self::KeysSpent,
            8 => Self::Superseded,
            9 => Self::Aborted,
            TLS_ALERT..=0x1ff => Self::Tls(AlertDescription::from((code - TLS_ALERT) as u8)),
            code => Self::Other(code),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_survives_a_round_trip() {
        for code in 0..0x300 {
            assert_eq!(CloseCode::from_wire(code).to_wire(), code);
        }
    }
}
