//! The platform as its clients see it, on the wire.

#[cfg(test)]
mod admin;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod manners;
#[cfg(test)]
mod start;
#[cfg(test)]
mod wire;
