//! Memory of the check: pending canaries per channel.

use platform::canaries::Canaries;
use runtime::CheckMemory;
use serde::{Deserialize, Serialize};

/// The canaries of one channel.
pub(crate) type ChannelCanaries = Canaries<5>;

/// Data kept between runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    pub(crate) email: ChannelCanaries,
    pub(crate) sms: ChannelCanaries,
}

impl CheckMemory for Memory {
    const VERSION: u32 = 1;

    fn merge(base: Self, ours: Self, theirs: Self) -> Self {
        Self {
            email: ChannelCanaries::merged(&base.email, ours.email, theirs.email),
            sms: ChannelCanaries::merged(&base.sms, ours.sms, theirs.sms),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use platform::canaries::Canary;

    use super::*;

    #[test]
    fn memory_is_bounded_and_readable() {
        let mut memory = Memory::default();
        let sent = |letter: &str| Canary {
            id: letter.repeat(40),
            at: Timestamp::from_second(1_795_000_000).unwrap(),
            run_id: "0193e1a6-0000-7000-8000-000000000000".to_owned(),
        };
        for _ in 0..100 {
            memory.email.sent(sent("x"));
            memory.sms.sent(sent("y"));
        }
        let written = serde_json::to_string(&memory).unwrap();
        assert!(written.len() < 2 * 1024, "{} bytes", written.len());
        assert_eq!(serde_json::from_str::<Memory>(&written).unwrap(), memory);
    }
}
