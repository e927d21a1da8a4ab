//! Hostile behaviors, each in place of one answer.

/// A hostile behavior.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behavior {
    /// No answer.
    Hang,
    /// One byte of the answer every 100 ms.
    Drip,
    /// Headers until the client disconnects.
    EndlessHeaders,
    /// A body until the client disconnects.
    EndlessBody,
    /// A small body that decompresses to a large one.
    GzipBomb,
    /// A form token of 1.9 MB.
    LongToken,
    /// A form token of 16 MB, for a control: without limits, the shorter one needs little memory.
    HugeToken,
    /// 80 cookies of 4,000 letters.
    ManyCookies,
    /// Ids of 9,000 letters.
    LongIds,
    /// Ids with paths, quotes and control characters.
    ForgedIds,
    /// Other texts with terminal escapes, newlines and direction marks.
    ForgedTexts,
    /// Half of the answer.
    Cut,
    /// The greeting of another protocol.
    OtherProtocol,
    /// One part of the answer until the client disconnects.
    EndlessAnswer,
    /// The answer again and again, until the client disconnects.
    RepeatedAnswer,
    /// A part with a declared length that never arrives.
    HugeLength,
    /// More parts than memory could hold.
    HugeCount,
    /// Lists within lists.
    DeepNesting,
    /// An error that quotes the password, with terminal escapes and newlines.
    ForgedError,
    /// An error of nearly one megabyte.
    LongError,
    /// Text of 9,000 letters in place of other text.
    LongTexts,
    /// Numbers that are negative, too large or no numbers.
    OddNumbers,
    /// `artisan down`, from one request on. Not hostile: nobody is woken.
    Maintenance,
    /// `artisan down --redirect`: every request is redirected to the page of the maintenance mode.
    MaintenanceByRedirect,
}

/// Text with terminal escapes, newlines and direction marks.
pub const FORGED: &str = "\u{1b}[31m\u{1b}]0;title\u{7}\r\n2026-01-01 ALARM\u{202e}\u{2066}\u{200f}\u{feff}";

/// Harmless part of a forged text.
pub const QUOTED: &str = "2026-01-01 ALARM";

impl Behavior {
    /// Behaviors of the platform.
    pub const PLATFORM: [Self; 10] = [
        Self::Hang,
        Self::Drip,
        Self::EndlessHeaders,
        Self::EndlessBody,
        Self::GzipBomb,
        Self::LongToken,
        Self::ManyCookies,
        Self::LongIds,
        Self::ForgedIds,
        Self::ForgedTexts,
    ];
    /// Behaviors of a database or a cache.
    pub const STORE: [Self; 14] = [
        Self::Hang,
        Self::Drip,
        Self::Cut,
        Self::OtherProtocol,
        Self::EndlessAnswer,
        Self::RepeatedAnswer,
        Self::HugeLength,
        Self::HugeCount,
        Self::DeepNesting,
        Self::ForgedError,
        Self::LongError,
        Self::ForgedTexts,
        Self::LongTexts,
        Self::OddNumbers,
    ];

    /// Planned behaviors of the platform.
    pub const PLANNED: [Self; 2] = [Self::Maintenance, Self::MaintenanceByRedirect];

    /// True for maintenance mode, which the whole platform enters.
    pub fn is_planned(self) -> bool {
        Self::PLANNED.contains(&self)
    }

    /// Name, as in the page.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hang => "hang",
            Self::Drip => "drip",
            Self::EndlessHeaders => "endless headers",
            Self::EndlessBody => "endless body",
            Self::GzipBomb => "gzip bomb",
            Self::LongToken => "long token",
            Self::HugeToken => "huge token",
            Self::ManyCookies => "many cookies",
            Self::LongIds => "long ids",
            Self::ForgedIds => "forged ids",
            Self::ForgedTexts => "forged texts",
            Self::Cut => "cut",
            Self::OtherProtocol => "other protocol",
            Self::EndlessAnswer => "endless answer",
            Self::RepeatedAnswer => "repeated answer",
            Self::HugeLength => "huge length",
            Self::HugeCount => "huge count",
            Self::DeepNesting => "deep nesting",
            Self::ForgedError => "forged error",
            Self::LongError => "long error",
            Self::LongTexts => "long texts",
            Self::OddNumbers => "odd numbers",
            Self::Maintenance => "maintenance",
            Self::MaintenanceByRedirect => "maintenance by redirect",
        }
    }

    /// Returns the behavior with this name.
    pub fn named(name: &str) -> Option<Self> {
        let mut all = Self::PLATFORM.into_iter().chain(Self::STORE).chain(Self::PLANNED).chain([Self::HugeToken]);
        all.find(|behavior| behavior.name() == name)
    }

    /// True when no valid answer arrives.
    pub const fn breaks_the_answer(self) -> bool {
        matches!(
            self,
            Self::Hang
                | Self::Drip
                | Self::EndlessHeaders
                | Self::EndlessBody
                | Self::GzipBomb
                | Self::Cut
                | Self::OtherProtocol
                | Self::EndlessAnswer
                | Self::HugeLength
                | Self::HugeCount
                | Self::DeepNesting
        )
    }
}
