//! Tests of the platform from a client's point of view, at the level of HTTP.

#[cfg(test)]
mod admin;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod login;
#[cfg(test)]
mod login_faults;
#[cfg(test)]
mod manners;
#[cfg(test)]
mod ops;
#[cfg(test)]
mod second_factor;
#[cfg(test)]
mod start;
#[cfg(test)]
mod throttle;
#[cfg(test)]
mod tokens;
#[cfg(test)]
mod visit;
#[cfg(test)]
mod wire;
