//! Enums whose variants have names in CloudWatch's API.

/// Defines an enum whose variants have names in CloudWatch's API.
macro_rules! named_values {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $value:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            /// Names in CloudWatch's API, in the order of its documentation.
            pub const NAMES: &[&str] = &[$($value),*];

            /// Name in CloudWatch's API.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $value,)*
                }
            }

            /// Parses a name; `None` when it is unknown.
            #[must_use]
            pub fn read(name: &str) -> Option<Self> {
                match name {
                    $($value => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

pub(crate) use named_values;
